package interop;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What is named or done differently in the 5.x client, and the scenarios that only it has. */
final class Version {
    private Version() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("compressed-lz4", lab -> compressed(lab, CompressionType.LZ4)),
            new Scenario("compressed-zstd", lab -> compressed(lab, CompressionType.ZSTD)));
    }

    private static void compressed(Lab lab, CompressionType type) throws Exception {
        DefaultMQProducer producer = lab.producer();
        producer.setCompressType(type);
        Sending.sendCompressible(lab, producer);
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
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setEnableTrace(true);
        return consumer;
    }
}
