package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * One scenario's topics, groups and clients. Names carry the run and the scenario, so scenarios never meet; clients share
 * one connection ("shared") unless the scenario names an instance; all are shut down in reverse order at the end.
 */
final class Lab implements AutoCloseable {
    static final String SHARED = "shared";

    final Cluster cluster;
    private final String name;
    private final Deque<Runnable> closers = new ArrayDeque<>();

    Lab(Cluster cluster, String name) {
        this.cluster = cluster;
        this.name = name;
    }

    /** The addresses and the admin client that all scenarios share. */
    record Cluster(String namesrv, String broker, String target, String run, DefaultMQAdminExt admin, Driver driver) {
        /** Whether this is RocketMQ, which does otherwise what internal/differences/differences.txt says under the name. */
        boolean isApache(String difference) {
            return target.equals("apache");
        }

        /** Shows what a server does where the list says under the name that RocketMQ does otherwise: the test compares it with ours, and with what RocketMQ is recorded to do. */
        void differs(String difference, Object ours, Object seen) {
            driver.say("DIFFERS " + difference + "\t" + ours + "\t" + seen);
        }
    }

    /** Runs at the end of the scenario, before what was told earlier. */
    void atEnd(Runnable close) {
        closers.push(close);
    }

    String unique(String kind) {
        return "java-" + cluster.run + "-" + name + "-" + kind;
    }

    /** Creates (17) the scenario's topic. */
    String topic(int queues) throws Exception {
        return createTopic(unique("topic"), queues);
    }

    String createTopic(String topic, int queues) throws Exception {
        cluster.admin.createAndUpdateTopicConfig(cluster.broker, new TopicConfig(topic, queues, queues, 6));
        return topic;
    }

    /** Creates (200) the scenario's consumer group. */
    String group() throws Exception {
        return createGroup(unique("group"));
    }

    String createGroup(String group) throws Exception {
        Version.createGroup(cluster.admin, cluster.broker, group);
        return group;
    }

    <C extends ClientConfig> C configure(C client, String instance) {
        client.setNamesrvAddr(System.getenv().getOrDefault("INTEROP_CLIENT_NAMESRV", cluster.namesrv));
        client.setInstanceName(instance);
        client.setPollNameServerInterval(1000);
        client.setHeartbeatBrokerInterval(1000); // 5.x skips a heartbeat while another is under way; the next is 30 s off
        client.setPersistConsumerOffsetInterval(500);
        client.setVipChannelEnabled(false);
        return client;
    }

    /** A started producer; its send limit is high so that a loaded machine does not fail the run. */
    DefaultMQProducer producer() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(unique("producer"));
        return start(producer, SHARED);
    }

    DefaultMQProducer start(DefaultMQProducer producer, String instance) throws Exception {
        configure(producer, instance);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        closers.push(producer::shutdown);
        return producer;
    }

    /** A push consumer from the first offset on; the caller subscribes, sets the listener and starts it. */
    DefaultMQPushConsumer consumer(String group, String instance) {
        DefaultMQPushConsumer consumer = configure(new DefaultMQPushConsumer(group), instance);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        closers.push(consumer::shutdown);
        return consumer;
    }

    /** A started consumer of everything in the topic. */
    Inbox consume(String topic, String group, String instance) throws Exception {
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consumer(group, instance);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return inbox;
    }

    DefaultMQPullConsumer pullConsumer(String group) throws Exception {
        DefaultMQPullConsumer consumer = configure(new DefaultMQPullConsumer(group), SHARED);
        consumer.start();
        closers.push(consumer::shutdown);
        return consumer;
    }

    DefaultLitePullConsumer litePullConsumer(String group) throws Exception {
        DefaultLitePullConsumer consumer = configure(new DefaultLitePullConsumer(group), SHARED);
        consumer.setAutoCommit(false);
        consumer.start();
        closers.push(consumer::shutdown);
        return consumer;
    }

    /** Waits until the broker holds the group's progress: the committed offsets of the topic's queues add up to total. */
    void committed(String topic, String group, int queues, int total) throws Exception {
        cluster.driver.ask("committed " + topic + " " + group + " " + queues + " " + total);
    }

    static Message message(String topic, String tag, String body) {
        return new Message(topic, tag, body.getBytes(StandardCharsets.UTF_8));
    }

    static List<String> numbered(String prefix, int count) {
        return IntStream.range(0, count).mapToObj(i -> prefix + String.format("%04d", i)).toList();
    }

    /** Sends each text and wants SEND_OK for it. */
    static void sendAll(DefaultMQProducer producer, String topic, List<String> texts) throws Exception {
        for (String text : texts) {
            stored(producer.send(message(topic, "all", text)));
        }
    }

    static SendResult stored(SendResult result) {
        Check.equal("send status", SendStatus.SEND_OK, result.getSendStatus());
        return result;
    }

    @Override
    public void close() {
        while (!closers.isEmpty()) {
            closers.pop().run();
        }
    }
}
