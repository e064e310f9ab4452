import java.util.Set;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.impl.MQAdminImpl;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What is named or done differently in the tools of 4.9. */
final class Version {
    private Version() {
    }

    static void kind(TopicConfig config, String type) {
        // 4.9 knows no types of messages
    }

    static void group(DefaultMQAdminExt admin, String broker, String name, int retries) throws Exception {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(name);
        config.setRetryMaxTimes(retries);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        return new DefaultMQPushConsumer(group, true);
    }

    static void traceAtOnce(ClientConfig client) {
        // 4.9 sends a trace after half a second
    }

    static QueryResult byUniqueKey(MQAdminImpl admin, String cluster, String topic, String id) throws Exception {
        return admin.queryMessageByUniqKey(topic, id, 32, 0, Long.MAX_VALUE);
    }

    static void deleteInNameServer(DefaultMQAdminExt admin, Set<String> nameServers, String cluster, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameServers, topic, cluster);
    }

    static void only(Panels panels) {
        // 4.9's rules for who may do what are files
    }
}
