package interop;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Consumers that fetch for themselves and keep their own place. */
final class Pulling {
    private Pulling() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("pull", Pulling::pull),
            new Scenario("pull-tag", Pulling::pullTag),
            new Scenario("pull-beyond-ends", Pulling::pullBeyondEnds),
            new Scenario("lite-pull-seek", Pulling::litePullSeek),
            new Scenario("lite-pull-subscribe", Pulling::litePullSubscribe));
    }

    private static MessageQueue onlyQueue(DefaultMQPullConsumer consumer, String topic) throws Exception {
        Collection<MessageQueue> queues = consumer.fetchSubscribeMessageQueues(topic);
        Check.equal("queues", 1, queues.size());
        return queues.iterator().next();
    }

    /** Pull in steps of four, commit, read the commit back. */
    static void pull(Lab lab) throws Exception {
        String topic = lab.topic(1);
        List<String> texts = Lab.numbered("pull-", 10);
        Lab.sendAll(lab.producer(), topic, texts);
        DefaultMQPullConsumer consumer = lab.pullConsumer(lab.group());
        MessageQueue queue = onlyQueue(consumer, topic);
        List<String> got = new ArrayList<>();
        long offset = 0;
        while (got.size() < 10) {
            PullResult result = consumer.pull(queue, "*", offset, 4);
            Check.equal("status at " + offset, PullStatus.FOUND, result.getPullStatus());
            Check.that("at most four", result.getMsgFoundList().size() <= 4);
            Check.equal("max offset", 10L, result.getMaxOffset());
            got.addAll(Check.texts(result.getMsgFoundList()));
            offset = result.getNextBeginOffset();
        }
        Check.equal("received", texts, got);
        consumer.updateConsumeOffset(queue, 10);
        consumer.getOffsetStore().persist(queue);
        Check.eventually("the offset is committed", 10, () -> consumer.fetchConsumeOffset(queue, true) == 10);
    }

    static void pullTag(Lab lab) throws Exception {
        String topic = lab.topic(1);
        var producer = lab.producer();
        for (String tag : List.of("a", "b", "a", "c")) {
            Lab.stored(producer.send(Lab.message(topic, tag, tag)));
        }
        DefaultMQPullConsumer consumer = lab.pullConsumer(lab.group());
        MessageQueue queue = onlyQueue(consumer, topic);
        PullResult some = consumer.pull(queue, "a || c", 0, 32);
        Check.equal("matched", List.of("a", "a", "c"), Check.texts(some.getMsgFoundList()));
        PullResult none = consumer.pull(queue, "z", 0, 32);
        Check.equal("status without a match", PullStatus.NO_MATCHED_MSG, none.getPullStatus());
        Check.equal("next without a match", 4L, none.getNextBeginOffset());
    }

    /** At the end there is nothing new; beyond it the offset is illegal and corrected. */
    static void pullBeyondEnds(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Lab.sendAll(lab.producer(), topic, Lab.numbered("few-", 3));
        DefaultMQPullConsumer consumer = lab.pullConsumer(lab.group());
        MessageQueue queue = onlyQueue(consumer, topic);
        PullResult end = consumer.pull(queue, "*", 3, 32);
        Check.equal("status at the end", PullStatus.NO_NEW_MSG, end.getPullStatus());
        Check.equal("next at the end", 3L, end.getNextBeginOffset());
        PullResult beyond = consumer.pull(queue, "*", 100, 32);
        Check.equal("status beyond", PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus());
        Check.equal("next beyond", 3L, beyond.getNextBeginOffset());
    }

    private static List<String> poll(DefaultLitePullConsumer consumer, int count) {
        List<String> got = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (got.size() < count && System.nanoTime() < end) {
            for (MessageExt message : consumer.poll(500)) {
                got.add(Check.text(message));
            }
        }
        return got;
    }

    /** Assign, read all, go back to the middle and to the beginning, commit. */
    static void litePullSeek(Lab lab) throws Exception {
        String topic = lab.topic(1);
        List<String> texts = Lab.numbered("lite-", 10);
        Lab.sendAll(lab.producer(), topic, texts);
        DefaultLitePullConsumer consumer = lab.litePullConsumer(lab.group());
        Collection<MessageQueue> queues = consumer.fetchMessageQueues(topic);
        MessageQueue queue = queues.iterator().next();
        consumer.assign(queues);
        consumer.seek(queue, 0);
        Check.equal("all", texts, poll(consumer, 10));
        consumer.seek(queue, 5);
        Check.equal("from five", texts.subList(5, 10), poll(consumer, 5));
        consumer.seekToBegin(queue);
        Check.equal("from the beginning", texts, poll(consumer, 10));
        consumer.commitSync();
        Check.eventually("the offset is committed", 10, () -> consumer.committed(queue) == 10L);
    }

    static void litePullSubscribe(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        DefaultLitePullConsumer consumer = lab.configure(new DefaultLitePullConsumer(group), lab.unique("lite"));
        consumer.setConsumeFromWhere(org.apache.rocketmq.common.consumer.ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.start();
        try {
            List<String> texts = Lab.numbered("subscribed-", 10);
            Lab.sendAll(lab.producer(), topic, texts);
            Check.equal("received", texts, poll(consumer, 10).stream().sorted().toList());
        } finally {
            consumer.shutdown();
        }
    }
}
