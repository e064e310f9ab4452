package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Who receives what: groups, members, tags, and where a group goes on. */
final class Sharing {
    private Sharing() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("clustering", Sharing::clustering),
            new Scenario("broadcast", Sharing::broadcast),
            new Scenario("tag-filter", Sharing::tagFilter),
            new Scenario("two-groups", Sharing::twoGroups),
            new Scenario("resume", Sharing::resume),
            new Scenario("unregister", Sharing::unregister));
    }

    private static long queuesOf(DefaultMQPushConsumer consumer, String topic) {
        Set<MessageQueue> held = consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet();
        return held.stream().filter(q -> q.getTopic().equals(topic)).count();
    }

    private static DefaultMQPushConsumer member(Lab lab, String topic, String group, String instance, Inbox inbox) throws Exception {
        DefaultMQPushConsumer consumer = lab.consumer(group, instance);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return consumer;
    }

    /** Two members halve the queues; when one leaves, the other takes all. */
    static void clustering(Lab lab) throws Exception {
        String topic = lab.topic(4);
        String group = lab.group();
        DefaultMQProducer producer = lab.producer();
        Inbox left = new Inbox();
        Inbox right = new Inbox();
        DefaultMQPushConsumer first = member(lab, topic, group, Lab.SHARED, left);
        DefaultMQPushConsumer second = member(lab, topic, group, lab.unique("second"), right);
        Check.eventually("two queues each", 20, () -> queuesOf(first, topic) == 2 && queuesOf(second, topic) == 2);
        List<String> texts = Lab.numbered("shared-", 40);
        Lab.sendAll(producer, topic, texts);
        // Not 20 each: a producer that sends a message again skips a queue.
        Check.eventually("all 40 messages", 20, () -> left.size() + right.size() >= 40);
        Check.equal("both members received", true, left.size() > 0 && right.size() > 0);
        List<MessageExt> got = new ArrayList<>(left.take(left.size(), 1));
        got.addAll(right.take(right.size(), 1));
        Check.equal("received", new TreeSet<>(texts), Check.sorted(got));
        lab.committed(topic, group, 4, 40);
        second.shutdown();
        Check.eventually("four queues for the one left", 20, () -> queuesOf(first, topic) == 4);
        List<String> more = Lab.numbered("alone-", 8);
        Lab.sendAll(producer, topic, more);
        Check.equal("received alone", new TreeSet<>(more), Check.sorted(left.take(8, 20)));
        right.nothing(200);
    }

    static void broadcast(Lab lab) throws Exception {
        String topic = lab.topic(4);
        String group = lab.group();
        List<String> texts = Lab.numbered("broadcast-", 20);
        Lab.sendAll(lab.producer(), topic, texts);
        for (String instance : List.of(lab.unique("first"), lab.unique("second"))) {
            Inbox inbox = new Inbox();
            DefaultMQPushConsumer consumer = lab.consumer(group, instance);
            Version.broadcast(consumer);
            consumer.subscribe(topic, "*");
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
            Check.equal(instance, new TreeSet<>(texts), Check.sorted(inbox.take(20, 20)));
            inbox.nothing(200);
        }
    }

    static void tagFilter(Lab lab) throws Exception {
        String topic = lab.topic(4);
        DefaultMQProducer producer = lab.producer();
        for (String tag : List.of("red", "green", "blue", "green", "red")) {
            Lab.stored(producer.send(Lab.message(topic, tag, tag)));
        }
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(lab.group(), Lab.SHARED);
        consumer.subscribe(topic, "red || blue");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        List<String> got = Check.texts(inbox.take(3, 20)).stream().sorted().toList();
        Check.equal("received", List.of("blue", "red", "red"), got);
        inbox.nothing(500);
    }

    static void twoGroups(Lab lab) throws Exception {
        String topic = lab.topic(2);
        List<String> texts = Lab.numbered("both-", 10);
        Inbox one = lab.consume(topic, lab.createGroup(lab.unique("one")), Lab.SHARED);
        Inbox two = lab.consume(topic, lab.createGroup(lab.unique("two")), Lab.SHARED);
        Lab.sendAll(lab.producer(), topic, texts);
        Check.equal("one", new TreeSet<>(texts), Check.sorted(one.take(10, 20)));
        Check.equal("two", new TreeSet<>(texts), Check.sorted(two.take(10, 20)));
    }

    /** A consumer that left cleanly is followed by one that starts exactly where it stopped. */
    static void resume(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        DefaultMQProducer producer = lab.producer();
        Inbox before = new Inbox();
        DefaultMQPushConsumer first = member(lab, topic, group, lab.unique("first"), before);
        Lab.sendAll(producer, topic, Lab.numbered("before-", 10));
        before.take(10, 20);
        lab.committed(topic, group, 2, 10);
        first.shutdown();
        List<String> rest = Lab.numbered("after-", 5);
        Lab.sendAll(producer, topic, rest);
        Inbox after = new Inbox();
        member(lab, topic, group, lab.unique("second"), after);
        Check.equal("received after", new TreeSet<>(rest), Check.sorted(after.take(5, 20)));
        after.nothing(300);
    }

    /** Each of twenty messages reaches a consumer that waits for it within a second. */
    static void longPoll(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        Inbox inbox = lab.consume(topic, lab.group(), Lab.SHARED);
        Lab.sendAll(producer, topic, List.of("warm"));
        inbox.takeOne(20);
        long slowest = 0;
        for (String text : Lab.numbered("prompt-", 20)) {
            long start = System.nanoTime();
            Lab.sendAll(producer, topic, List.of(text));
            Check.equal("received", text, Check.text(inbox.takeOne(5)));
            slowest = Math.max(slowest, (System.nanoTime() - start) / 1_000_000);
        }
        Check.between("slowest of 20, ms", 0, 999, slowest);
    }

    /** A consumer that shuts down is gone from its group at once, not after the 120 s of silence. */
    static void unregister(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        DefaultMQPushConsumer watcher = member(lab, topic, lab.createGroup(lab.unique("watcher")), Lab.SHARED, new Inbox());
        DefaultMQPushConsumer leaver = member(lab, topic, group, lab.unique("leaver"), new Inbox());
        MQClientInstance view = watcher.getDefaultMQPushConsumerImpl().getmQClientFactory();
        Check.eventually("the member is listed", 20, () -> {
            List<String> ids = view.findConsumerIdList(topic, group);
            return ids != null && ids.size() == 1;
        });
        leaver.shutdown();
        Check.eventually("nobody is listed", 5, () -> {
            List<String> ids = view.findConsumerIdList(topic, group);
            return ids == null || ids.isEmpty();
        });
    }
}
