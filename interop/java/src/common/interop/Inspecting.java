package interop;

import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Looking things up: by key, by id, by time; traces; namespaces. */
final class Inspecting {
    private Inspecting() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("trace", Inspecting::trace),
            new Scenario("namespace", Inspecting::namespace),
            new Scenario("query-by-key", Inspecting::queryByKey),
            new Scenario("view-by-id", Inspecting::viewById),
            new Scenario("offsets", Inspecting::offsets),
            new Scenario("topic-auto-creation", Inspecting::autoCreation));
    }

    static void queryByKey(Lab lab) throws Exception {
        String topic = lab.topic(2);
        DefaultMQProducer producer = lab.producer();
        for (String text : List.of("one", "two")) {
            Message message = Lab.message(topic, "all", text);
            message.setKeys(List.of("order-77", "other-" + text));
            Lab.stored(producer.send(message));
        }
        DefaultMQAdminExt admin = lab.cluster.admin();
        long now = System.currentTimeMillis();
        Check.eventually("both messages by their key", 10, () -> {
            QueryResult result = admin.queryMessage(topic, "order-77", 32, now - 60_000, now + 60_000);
            return Check.sorted(result.getMessageList()).equals(new TreeSet<>(List.of("one", "two")));
        });
        QueryResult one = admin.queryMessage(topic, "other-one", 32, now - 60_000, now + 60_000);
        Check.equal("one message", List.of("one"), Check.texts(one.getMessageList()));
        Check.fails("an unknown key", () -> admin.queryMessage(topic, "nobody", 32, now - 60_000, now + 60_000));
    }

    /** A message is found by the client's id and by the broker's offset id. */
    static void viewById(Lab lab) throws Exception {
        String topic = lab.topic(1);
        SendResult result = Lab.stored(lab.producer().send(Lab.message(topic, "all", "seen")));
        DefaultMQAdminExt admin = lab.cluster.admin();
        MessageExt byOffset = admin.viewMessage(topic, result.getOffsetMsgId());
        Check.equal("body", "seen", Check.text(byOffset));
        Check.equal("queue offset", result.getQueueOffset(), byOffset.getQueueOffset());
        Check.eventually("the message by its unique id", 10,
            () -> Check.text(admin.viewMessage(topic, result.getMsgId())).equals("seen"));
    }

    /** Minimum, maximum and by-time offsets of a queue. */
    static void offsets(Lab lab) throws Exception {
        String topic = lab.topic(1);
        SendResult first = Lab.stored(lab.producer().send(Lab.message(topic, "all", "first")));
        MessageQueue queue = first.getMessageQueue();
        DefaultMQAdminExt admin = lab.cluster.admin();
        Check.equal("minimum", 0L, admin.minOffset(queue));
        Check.equal("maximum", 1L, admin.maxOffset(queue));
        Check.equal("by an early time", 0L, admin.searchOffset(queue, System.currentTimeMillis() - 3_600_000));
        Check.between("by a late time", 0, 1, admin.searchOffset(queue, System.currentTimeMillis() + 3_600_000));
    }

    /** A topic that nobody made appears with the first send. */
    static void autoCreation(Lab lab) throws Exception {
        String topic = lab.unique("unmade");
        Lab.sendAll(lab.producer(), topic, List.of("hello"));
        Check.equal("received", "hello", Check.text(lab.consume(topic, lab.group(), Lab.SHARED).takeOne(20)));
    }

    /** Producer and consumer both leave their lines in the trace topic. */
    static void trace(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.start(new DefaultMQProducer(lab.unique("producer"), null, true, null), lab.unique("traced"));
        SendResult result = Lab.stored(producer.send(Lab.message(topic, "all", "traced")));
        DefaultMQPushConsumer consumer = Version.tracedConsumer(lab.group());
        lab.configure(consumer, lab.unique("traced-consumer"));
        consumer.setConsumeFromWhere(org.apache.rocketmq.common.consumer.ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        try {
            inbox.takeOne(20);
            for (String kind : List.of("Pub", "SubBefore", "SubAfter")) {
                Check.eventually("a " + kind + " line of " + result.getMsgId(), 30, () -> traced(lab, result.getMsgId(), kind));
            }
        } finally {
            consumer.shutdown();
        }
    }

    private static boolean traced(Lab lab, String id, String kind) throws Exception {
        long now = System.currentTimeMillis();
        QueryResult found = lab.cluster.admin().queryMessage("RMQ_SYS_TRACE_TOPIC", id, 32, now - 120_000, now + 60_000);
        return found.getMessageList().stream().map(Check::text).anyMatch(line -> line.contains(kind + "\u0001"));
    }

    /**
     * With a namespace the client prefixes names on the wire and takes the prefix off again. The topic is read when the
     * message arrives: while the client sends a failed message back, the message bears the prefix for a moment.
     */
    static void namespace(Lab lab) throws Exception {
        String topic = lab.unique("topic");
        lab.createTopic("space%" + topic, 1);
        lab.createGroup("space%" + lab.unique("group"));
        DefaultMQProducer producer = new DefaultMQProducer(lab.unique("producer"));
        producer.setNamespace("space");
        lab.start(producer, lab.unique("producer"));
        Lab.sendAll(producer, topic, List.of("spaced"));
        DefaultMQPushConsumer consumer = lab.consumer(lab.unique("group"), lab.unique("consumer"));
        consumer.setNamespace("space");
        LinkedBlockingQueue<String> arrivals = new LinkedBlockingQueue<>();
        MessageListenerConcurrently failOnce = new Inbox().failing(1, 1);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            arrivals.add(batch.get(0).getTopic() + " " + batch.get(0).getReconsumeTimes());
            return failOnce.consumeMessage(batch, context);
        });
        consumer.start();
        Check.equal("first", topic + " 0", arrivals.poll(20, TimeUnit.SECONDS));
        Check.equal("again", topic + " 1", arrivals.poll(20, TimeUnit.SECONDS));
        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        MessageQueue queue = reader.fetchSubscribeMessageQueues("space%" + topic).iterator().next();
        PullResult raw = reader.pull(queue, "*", 0, 32);
        Check.equal("status of the prefixed topic", PullStatus.FOUND, raw.getPullStatus());
        Check.equal("prefixed topic", "space%" + topic, raw.getMsgFoundList().get(0).getTopic());
    }
}
