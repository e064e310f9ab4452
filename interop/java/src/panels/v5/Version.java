import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.impl.MQAdminImpl;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.remoting.protocol.body.AclInfo;
import org.apache.rocketmq.remoting.protocol.body.UserInfo;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What is named or done differently in the tools of 5.x. */
final class Version {
    private Version() {
    }

    static void kind(TopicConfig config, String type) {
        config.setAttributes(Map.of("+message.type", type));
    }

    static void group(DefaultMQAdminExt admin, String broker, String name, int retries) throws Exception {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(name);
        config.setRetryMaxTimes(retries);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setEnableTrace(true);
        traceAtOnce(consumer);
        return consumer;
    }

    /** Else a trace waits for nine others or five seconds. */
    static void traceAtOnce(ClientConfig client) {
        client.setTraceMsgBatchNum(1);
    }

    static QueryResult byUniqueKey(MQAdminImpl admin, String cluster, String topic, String id) throws Exception {
        return admin.queryMessage(cluster, topic, id, 32, 0, Long.MAX_VALUE, true);
    }

    static void deleteInNameServer(DefaultMQAdminExt admin, Set<String> nameServers, String cluster, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameServers, topic);
    }

    /** The page of users and rules, and what the topic and consumer pages ask of 5.x alone. */
    static void only(Panels p) {
        p.show("topics: one configuration", () -> p.admin.examineTopicConfig(p.broker, Panels.TOPIC));
        p.show("groups: progress at a broker", () -> Panels.progress(p.admin.examineConsumeStats(p.broker, Panels.GROUP, null, Panels.TIMEOUT).getOffsetTable()));
        p.done("users: make", () -> p.admin.createUser(p.broker, UserInfo.of("panel", "secret", "Normal")));
        p.show("users: one", () -> p.admin.getUser(p.broker, "panel"));
        p.show("users: list", () -> p.admin.listUser(p.broker, ""));
        p.done("users: change", () -> p.admin.updateUser(p.broker, UserInfo.of("panel", "other", "Super")));
        p.show("users: after the change", () -> p.admin.getUser(p.broker, "panel"));
        p.done("users: make it again", () -> p.admin.createUser(p.broker, UserInfo.of("panel", "secret", "Normal")));
        p.show("users: nobody", () -> p.admin.getUser(p.broker, "nobody"));
        List<String> topic = List.of("Topic:Panel");
        p.done("rules: make", () -> p.admin.createAcl(p.broker, AclInfo.of("User:panel", topic, List.of("Pub", "Sub"), List.of("10.0.0.0/8"), "Allow")));
        p.show("rules: by user", () -> p.admin.listAcl(p.broker, "panel", ""));
        p.show("rules: by resource", () -> p.admin.listAcl(p.broker, "", "Panel"));
        p.done("rules: change", () -> p.admin.updateAcl(p.broker, AclInfo.of("User:panel", topic, List.of("Get"), List.of(), "Deny")));
        p.show("rules: one", () -> p.admin.getAcl(p.broker, "User:panel"));
        p.done("rules: of nobody", () -> p.admin.createAcl(p.broker, AclInfo.of("User:nobody", topic, List.of("Pub"), List.of(), "Allow")));
        p.done("rules: delete", () -> p.admin.deleteAcl(p.broker, "User:panel", "Topic:Panel"));
        p.show("rules: after that", () -> p.admin.listAcl(p.broker, "panel", ""));
        p.done("users: delete", () -> p.admin.deleteUser(p.broker, "panel"));
        p.show("users: after that", () -> p.admin.listUser(p.broker, ""));
    }
}
