package latency

import "strconv"

// ResponseName is the name of a response code in RocketMQ's metrics: its constant in lower case, or the number if it has none.
func ResponseName(code int32) string {
	switch {
	case code >= 0 && code <= 4:
		return [...]string{"success", "system_error", "system_busy", "request_code_not_supported", "transaction_failed"}[code]
	case code >= 10 && code <= 29:
		return [...]string{"flush_disk_timeout", "slave_not_available", "flush_slave_timeout", "message_illegal", "service_not_available", "version_not_supported",
			"no_permission", "topic_not_exist", "topic_exist_already", "pull_not_found", "pull_retry_immediately", "pull_offset_moved", "query_not_found",
			"subscription_parse_failed", "subscription_not_exist", "subscription_not_latest", "subscription_group_not_exist", "filter_data_not_exist",
			"filter_data_not_latest", "invalid_parameter"}[code-10]
	case code >= 200 && code <= 213:
		return [...]string{"transaction_should_commit", "transaction_should_rollback", "transaction_state_unknow", "transaction_state_group_wrong", "no_buyer_id",
			"not_in_current_unit", "consumer_not_online", "consume_msg_timeout", "no_message", "polling_full", "polling_timeout", "broker_not_exist",
			"broker_dispatch_not_complete", "broadcast_consumption"}[code-200]
	case code == 215:
		return "flow_control"
	case code == 604:
		return "illegal_operation"
	case code == 1500:
		return "go_away"
	case code == 3001:
		return "user_not_exist"
	case code == 3002:
		return "policy_not_exist"
	}
	return strconv.Itoa(int(code))
}
