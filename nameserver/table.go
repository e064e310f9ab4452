package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// handler answers one request: it returns the answer's frame, whose body and fields may alias the request.
type handler func(c *remoting.Conn, f *protocol.Frame) protocol.Frame

// Mount registers all of a NameServer's requests.
func (s *Server) Mount(mux *remoting.Mux) {
	for _, e := range []struct {
		code   int32
		name   string
		handle handler
	}{
		{protocol.ReqGetKVConfig, "GET_KV_CONFIG", s.getKV},                                               // 101
		{protocol.ReqRegisterBroker, "REGISTER_BROKER", s.registerBroker},                                 // 103
		{protocol.ReqUnregisterBroker, "UNREGISTER_BROKER", s.unregisterBroker},                           // 104
		{protocol.ReqGetRouteInfoByTopic, "GET_ROUTEINFO_BY_TOPIC", s.getRoute},                           // 105
		{protocol.ReqGetBrokerClusterInfo, "GET_BROKER_CLUSTER_INFO", s.getClusterInfo},                   // 106
		{protocol.ReqWipeWritePermOfBroker, "WIPE_WRITE_PERM_OF_BROKER", s.wipeWritePerm},                 // 205
		{protocol.ReqGetAllTopicListFromNameServer, "GET_ALL_TOPIC_LIST_FROM_NAMESERVER", s.getAllTopics}, // 206
		{protocol.ReqDeleteTopicInNamesrv, "DELETE_TOPIC_IN_NAMESRV", s.deleteTopic},                      // 216
		{protocol.ReqRegisterTopicInNamesrv, "REGISTER_TOPIC_IN_NAMESRV", s.registerTopic},                // 217
		{protocol.ReqGetKVListByNamespace, "GET_KVLIST_BY_NAMESPACE", s.listKV},                           // 219
		{protocol.ReqGetTopicsByCluster, "GET_TOPICS_BY_CLUSTER", s.getTopicsByCluster},                   // 224
		{protocol.ReqGetSystemTopicListFromNS, "GET_SYSTEM_TOPIC_LIST_FROM_NS", s.getSystemTopics},        // 304
		{protocol.ReqGetUnitTopicList, "GET_UNIT_TOPIC_LIST", s.getUnitTopics},                            // 311
		{protocol.ReqGetHasUnitSubTopicList, "GET_HAS_UNIT_SUB_TOPIC_LIST", s.getUnitTopics},              // 312
		{protocol.ReqGetHasUnitSubUnUnitTopicList, "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST", s.getUnitTopics}, // 313
		{protocol.ReqUpdateNamesrvConfig, "UPDATE_NAMESRV_CONFIG", s.updateConfig},                        // 318
		{protocol.ReqGetNamesrvConfig, "GET_NAMESRV_CONFIG", s.getConfig},                                 // 319
		{protocol.ReqQueryDataVersion, "QUERY_DATA_VERSION", s.queryDataVersion},                          // 322
		{protocol.ReqAddWritePermOfBroker, "ADD_WRITE_PERM_OF_BROKER", s.addWritePerm},                    // 327
		{protocol.ReqGetBrokerMemberGroup, "GET_BROKER_MEMBER_GROUP", s.getMemberGroup},                   // 901
		{protocol.ReqBrokerHeartbeat, "BROKER_HEARTBEAT", s.brokerHeartbeat},                              // 904
	} {
		mux.Handle(e.code, e.name, answering(e.handle))
	}
	// These two answer when the change is on disk.
	mux.Handle(protocol.ReqPutKVConfig, "PUT_KV_CONFIG", s.putKV)          // 100
	mux.Handle(protocol.ReqDeleteKVConfig, "DELETE_KV_CONFIG", s.deleteKV) // 102
}

// answering sends what the handler returns. A connection that is gone wants no answer, so its error is dropped.
func answering(h handler) remoting.Handler {
	return func(c *remoting.Conn, f *protocol.Frame) {
		r := h(c, f)
		_ = c.Send(&r)
	}
}

// fail answers a request that cannot be understood.
func fail(f *protocol.Frame, err error) protocol.Frame {
	return f.Reply(protocol.ResSystemError, err.Error())
}

// reply answers success with a body, which may be nil.
func reply(f *protocol.Frame, body []byte) protocol.Frame {
	r := f.Reply(protocol.ResSuccess, "")
	r.Body = body
	return r
}
