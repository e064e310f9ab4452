package interop;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What is named or done differently in the 4.9 client. */
final class Version {
    /** By how much a message has come back more often, says the client that gives it up, than the group may try it again in order. */
    static final int TOO_OFTEN = 0;

    private Version() {
    }

    static List<Scenario> scenarios() {
        return List.of();
    }

    static List<Scenario> kinds() {
        return List.of();
    }

    static List<Scenario> alone() {
        return List.of();
    }

    static void createGroup(DefaultMQAdminExt admin, String broker, String group) throws Exception {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static void broadcast(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        return new DefaultMQPushConsumer(group, true);
    }
}
