package interop;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;

/**
 * Kinds of topics: message types, light queues, retention and quotas of their own. The server must have been started with the settings that kinds_test.go gives it. Besides PASS and FAIL
 * each scenario that Apache has too says with FACT lines what it saw, which must be the same on every server.
 */
final class Kinds {
    private Kinds() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("light-queues", Kinds::lightQueues),
            new Scenario("light-delayed", Kinds::lightDelayed),
            new Scenario("message-types", Kinds::messageTypes),
            new Scenario("topic-retention", Kinds::retention),
            new Scenario("topic-quota", Kinds::topicQuota),
            new Scenario("group-quota", Kinds::groupQuota));
    }

    private static void put(Lab lab, String topic, Map<String, String> attributes) throws Exception {
        TopicConfig config = new TopicConfig(topic, 1, 1, 6);
        config.setAttributes(attributes);
        lab.cluster.admin().createAndUpdateTopicConfig(lab.cluster.broker(), config);
    }

    /** A topic that is kept for two seconds: the minimum offset moves, a consumer that stands before it goes on behind. */
    private static void retention(Lab lab) throws Exception {
        String topic = lab.unique("topic");
        lab.cluster.differs("topic-retention", "done", make(lab, topic, "reserve.time.ms", "2000"));
        if (lab.cluster.isApache("topic-retention")) {
            return;
        }
        DefaultMQProducer producer = lab.producer();
        Lab.sendAll(producer, topic, Lab.numbered("old", 5));
        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        MessageQueue queue = parent(reader, topic);
        Check.equal("messages at first", 5, reader.pull(queue, "*", 0, 32).getMsgFoundList().size());
        Check.eventually("the minimum has moved", 40, () -> reader.minOffset(queue) == 5);
        PullResult page = reader.pull(queue, "*", 0, 32);
        Check.equal("status", PullStatus.OFFSET_ILLEGAL, page.getPullStatus());
        Check.equal("next", 5L, page.getNextBeginOffset());
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        Lab.sendAll(producer, topic, List.of("new"));
        Check.equal("what comes", "new", Check.text(inbox.takeOne(30)));
        Check.equal("its offset", 5L, reader.maxOffset(queue) - 1);
    }

    /** Beyond its topic's quota a send fails after the client's tries, with the numbers; a change of the quota counts at once. */
    private static void topicQuota(Lab lab) throws Exception {
        String topic = lab.unique("topic");
        lab.cluster.differs("topic-quota", "done", make(lab, topic, "send.quota.messages", "20"));
        if (lab.cluster.isApache("topic-quota")) {
            return;
        }
        DefaultMQProducer producer = lab.producer();
        String refusal = "";
        int stored = 0;
        for (int i = 0; i < 200 && refusal.isEmpty(); i++) {
            try {
                Lab.stored(producer.send(Lab.message(topic, "all", "x" + i)));
                stored++;
            } catch (MQClientException e) { // after three tries, which may go to other brokers
                Check.equal("code", 2, e.getResponseCode());
                refusal = ((MQBrokerException) e.getCause()).getErrorMessage();
            }
        }
        Check.that("the refusal has the numbers: " + refusal, refusal.contains("may have 20 a second by its attribute send.quota.messages"));
        Check.between("messages before it", 5, 100, stored);
        // Ten seconds at three times the quota.
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        int passed = 0;
        while (System.nanoTime() < end) {
            try {
                producer.send(Lab.message(topic, "all", "y"));
                passed++;
            } catch (MQClientException e) {
                Check.equal("code", 2, e.getResponseCode());
            }
            TimeUnit.MILLISECONDS.sleep(8);
        }
        Check.between("messages in ten seconds", 190, 210, passed);
        put(lab, topic, Map.of("-send.quota.messages", ""));
        Lab.sendAll(producer, topic, Lab.numbered("free", 100));
    }

    /** A push consumer of a group with a quota gets its messages at that rate, without an error. */
    private static void groupQuota(Lab lab) throws Exception {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(lab.unique("group"));
        config.setAttributes(Map.of("+consume.quota.messages", "50"));
        lab.cluster.differs("group-quota", "done", outcome(() -> lab.cluster.admin().createAndUpdateSubscriptionGroupConfig(lab.cluster.broker(), config)));
        if (lab.cluster.isApache("group-quota")) {
            return;
        }
        String topic = lab.topic(4);
        DefaultMQProducer producer = lab.producer();
        Lab.sendAll(producer, topic, Lab.numbered("m", 400));
        Inbox inbox = lab.consume(topic, config.getGroupName(), lab.unique("consumer"));
        inbox.takeOne(30);
        long start = System.nanoTime();
        inbox.take(299, 30);
        long ms = (System.nanoTime() - start) / 1_000_000;
        Check.between("ms for 300 messages at 50 a second", 5_400, 7_500, ms);
        config.setAttributes(Map.of("-consume.quota.messages", ""));
        lab.cluster.admin().createAndUpdateSubscriptionGroupConfig(lab.cluster.broker(), config);
        inbox.take(100, 10);
    }

    private static Message toLights(String topic, String text, String... queues) {
        Message message = Lab.message(topic, "tag", text);
        MessageAccessor.putProperty(message, MessageConst.PROPERTY_INNER_MULTI_DISPATCH, String.join(",", queues));
        return message;
    }

    /** The parent topic's queue; its route makes the client know the broker, for light queues have none. */
    private static MessageQueue parent(DefaultMQPullConsumer consumer, String topic) throws Exception {
        consumer.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory().updateTopicRouteInfoFromNameServer(topic);
        return consumer.fetchSubscribeMessageQueues(topic).iterator().next();
    }

    /** A message stands in its topic and in each light queue that it names. */
    private static void lightQueues(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String one = "%LMQ%" + lab.unique("one");
        String two = "%LMQ%" + lab.unique("two");
        DefaultMQProducer producer = lab.producer();
        Lab.stored(producer.send(toLights(topic, "a", one, two)));
        Lab.stored(producer.send(toLights(topic, "b", two)));
        Lab.stored(producer.send(Lab.message(topic, "tag", "plain")));
        Lab.stored(producer.send(toLights(topic, "c", two, one)));
        DefaultMQPullConsumer consumer = lab.pullConsumer("%LMQ%" + lab.unique("client"));
        MessageQueue parent = parent(consumer, topic);
        for (String name : List.of(one, two)) {
            MessageQueue queue = new MessageQueue(name, parent.getBrokerName(), 0);
            long count = name.equals(one) ? 2 : 3;
            Check.eventually("messages in " + name, 20, () -> consumer.maxOffset(queue) == count);
            fact(lab, "bounds", consumer.minOffset(queue) + ".." + consumer.maxOffset(queue));
            PullResult page = consumer.pull(queue, "*", 0, 32);
            fact(lab, "pulled", page.getPullStatus() + " next " + page.getNextBeginOffset() + " of " + page.getMinOffset() + ".." + page.getMaxOffset());
            for (MessageExt message : page.getMsgFoundList()) {
                fact(lab, name.equals(one) ? "in one" : "in two", Check.text(message) + " of its own topic " + message.getTopic().equals(topic) + ", queue "
                    + message.getQueueId() + " offset " + message.getQueueOffset() + ", light offsets "
                    + message.getProperty(MessageConst.PROPERTY_INNER_MULTI_QUEUE_OFFSET));
            }
            page = consumer.pull(queue, "*", count, 32);
            fact(lab, "at the end", page.getPullStatus() + " next " + page.getNextBeginOffset());
            fact(lab, "not committed", consumer.fetchConsumeOffset(queue, true));
            consumer.updateConsumeOffset(queue, count - 1);
            consumer.getDefaultMQPullConsumerImpl().getOffsetStore().updateConsumeOffsetToBroker(queue, count - 1, false);
            Check.eventually("committed", 20, () -> consumer.getDefaultMQPullConsumerImpl().getOffsetStore()
                .readOffset(queue, org.apache.rocketmq.client.consumer.store.ReadOffsetType.READ_FROM_STORE) == count - 1);
        }
    }

    /** A delayed message comes to its light queue when it comes to its topic. */
    private static void lightDelayed(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String light = "%LMQ%" + lab.unique("light");
        Message message = toLights(topic, "late", light);
        message.setDelayTimeLevel(1);
        DefaultMQProducer producer = lab.producer();
        Lab.stored(producer.send(message));
        Lab.stored(producer.send(toLights(topic, "now", light)));
        DefaultMQPullConsumer consumer = lab.pullConsumer("%LMQ%" + lab.unique("client"));
        MessageQueue parent = parent(consumer, topic);
        MessageQueue queue = new MessageQueue(light, parent.getBrokerName(), 0);
        Check.eventually("both messages", 20, () -> consumer.maxOffset(queue) == 2);
        fact(lab, "order", Check.texts(consumer.pull(queue, "*", 0, 32).getMsgFoundList()));
    }

    /** The broker keeps and shows what a topic says of its messages, and takes what it gets: proxies enforce it. */
    private static void messageTypes(Lab lab) throws Exception {
        DefaultMQProducer producer = lab.producer();
        for (String type : List.of("NORMAL", "FIFO", "DELAY", "TRANSACTION", "UNSPECIFIED", "MIXED", "OTHER")) {
            String topic = lab.unique(type);
            fact(lab, "made " + type, make(lab, topic, "message.type", type));
            if (type.equals("MIXED") || type.equals("OTHER")) {
                continue;
            }
            TopicConfig kept = lab.cluster.admin().examineTopicConfig(lab.cluster.broker(), topic);
            fact(lab, "kept " + type, kept.getAttributes());
            fact(lab, "plain to " + type, producer.send(Lab.message(topic, "tag", "plain")).getSendStatus());
            Message keyed = Lab.message(topic, "tag", "keyed");
            MessageAccessor.putProperty(keyed, MessageConst.PROPERTY_SHARDING_KEY, "key");
            fact(lab, "keyed to " + type, producer.send(keyed).getSendStatus());
            Message late = Lab.message(topic, "tag", "late");
            late.setDelayTimeLevel(1);
            fact(lab, "late to " + type, producer.send(late).getSendStatus());
        }
        String made = make(lab, lab.unique("compaction"), "cleanup.policy", "COMPACTION");
        boolean refused = made.contains("is not supported by this version: the log is deleted by age");
        lab.cluster.differs("compaction", "refused, with the reason", refused ? "refused, with the reason" : made);
    }

    private static String make(Lab lab, String topic, String name, String value) {
        TopicConfig config = new TopicConfig(topic, 1, 1, 6);
        config.setAttributes(Map.of("+" + name, value));
        return outcome(() -> lab.cluster.admin().createAndUpdateTopicConfig(lab.cluster.broker(), config));
    }

    /** Something to be made at the broker. */
    private interface Making {
        void make() throws Exception;
    }

    /** What came of it: done, or the words of the refusal. */
    private static String outcome(Making making) {
        try {
            making.make();
            return "done";
        } catch (Exception e) {
            return e.getMessage().replaceAll(" \\(.*\\)|\\s+For more .*|(?s)BROKER: .*|\\[.*\\]", "").strip();
        }
    }

    private static void fact(Lab lab, String name, Object value) {
        lab.cluster.driver().say("FACT " + lab.unique("").replaceAll("^java-[^-]*-|-$", "") + " " + name + ": " + value);
    }
}
