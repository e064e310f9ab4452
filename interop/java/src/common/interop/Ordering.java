package interop;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Strict order: one queue, one queue per key, and a failing head that holds its queue back. */
final class Ordering {
    private Ordering() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("ordered-global", Ordering::global),
            new Scenario("ordered-per-key", Ordering::perKey),
            new Scenario("ordered-retry", Ordering::retry),
            new Scenario("ordered-dead-letter", Ordering::deadLetter),
            new Scenario("ordered-group-unordered", Ordering::unordered));
    }

    private static Inbox consumeOrderly(Lab lab, String topic, String group, String instance) throws Exception {
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(group, instance);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        return inbox;
    }

    static void global(Lab lab) throws Exception {
        String topic = lab.topic(1);
        List<String> texts = Lab.numbered("global-", 60);
        Lab.sendAll(lab.producer(), topic, texts);
        Inbox inbox = consumeOrderly(lab, topic, lab.group(), Lab.SHARED);
        Check.equal("order", texts, Check.texts(inbox.take(60, 30)));
    }

    /** Five keys over four queues and two members: each key's messages come in the order in which they were sent. */
    static void perKey(Lab lab) throws Exception {
        String topic = lab.topic(4);
        String group = lab.group();
        DefaultMQProducer producer = lab.producer();
        Inbox inbox = consumeOrderly(lab, topic, group, Lab.SHARED);
        Inbox other = consumeOrderly(lab, topic, group, lab.unique("other"));
        for (int i = 0; i < 100; i++) {
            int key = i % 5;
            String text = key + ":" + String.format("%04d", i);
            Lab.stored(producer.send(Lab.message(topic, "all", text), (queues, m, k) -> queues.get((Integer) k % queues.size()), key));
        }
        Check.eventually("all arrived", 40, () -> inbox.size() + other.size() >= 100);
        List<MessageExt> got = new java.util.ArrayList<>(inbox.take(inbox.size(), 1));
        got.addAll(other.take(other.size(), 1));
        Map<String, List<String>> perKey = Check.texts(got).stream()
            .collect(Collectors.groupingBy(t -> t.substring(0, 1), TreeMap::new, Collectors.toList()));
        Check.equal("keys", 5, perKey.size());
        perKey.forEach((key, texts) -> Check.equal("distinct of key " + key, 20L, texts.stream().distinct().count()));
        perKey.forEach((key, texts) -> Check.equal("order of key " + key,
            texts.stream().distinct().sorted().toList(), texts.stream().distinct().toList()));
    }

    /** A message that fails twice is tried again before its successor. */
    static void retry(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Lab.sendAll(lab.producer(), topic, List.of("first", "second"));
        Inbox inbox = new Inbox();
        AtomicInteger failures = new AtomicInteger(2);
        MessageListenerOrderly keep = inbox.orderly();
        DefaultMQPushConsumer consumer = lab.consumer(lab.group(), Lab.SHARED);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (batch, context) -> {
            ConsumeOrderlyStatus status = keep.consumeMessage(batch, context);
            context.setSuspendCurrentQueueTimeMillis(100);
            return failures.getAndDecrement() > 0 ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : status;
        });
        consumer.start();
        Check.equal("order", List.of("first", "first", "first", "second"), Check.texts(inbox.take(4, 30)));
    }

    /**
     * Allowed one more try, a message that fails twice is sent to the retry topic by the client itself: it is a dead letter at once, does not come
     * again after its successors, and they go on. By 4.9.8's words it has not come back more often than it may, but its group holds queues in order.
     */
    static void deadLetter(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        Inbox inbox = new Inbox();
        MessageListenerOrderly keep = inbox.orderly();
        DefaultMQPushConsumer consumer = lab.consumer(group, Lab.SHARED);
        consumer.setMaxReconsumeTimes(1);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (batch, context) -> {
            ConsumeOrderlyStatus status = keep.consumeMessage(batch, context);
            context.setSuspendCurrentQueueTimeMillis(100);
            return Check.text(batch.get(0)).equals("poison") ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : status;
        });
        consumer.start();
        Message poison = Lab.message(topic, "tagged", "poison");
        poison.setKeys("the-key");
        DefaultMQProducer producer = lab.producer();
        SendResult sent = Lab.stored(producer.send(poison));
        Lab.sendAll(producer, topic, List.of("second", "third"));
        Check.equal("order", List.of("poison", "poison", "second", "third"), Check.texts(inbox.take(4, 30)));
        MessageExt letter = Retrying.letter(lab, group);
        Check.equal("letter", "poison", Check.text(letter));
        Check.equal("reconsumeTimes", 1 + Version.TOO_OFTEN, letter.getReconsumeTimes());
        Check.equal("tag", "tagged", letter.getTags());
        Check.equal("keys", "the-key", letter.getKeys());
        Check.equal("topic of origin", topic, letter.getProperty("RETRY_TOPIC"));
        Check.equal("unique id", sent.getMsgId(), letter.getProperty("UNIQ_KEY"));
        Check.equal("delay level", "-1", letter.getProperty("DELAY"));
        inbox.nothing(1_500);
    }

    /** That a group is to consume in order is for those who pop: a listener that does not, and holds no queue, gets its retries as ever. */
    static void unordered(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.unique("group");
        lab.cluster.driver().ask("group " + group + " 16 orderly");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(group, Lab.SHARED);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.failing(1, 1));
        consumer.start();
        Lab.sendAll(lab.producer(), topic, List.of("again"));
        Check.equal("reconsumeTimes", 0, inbox.takeOne(30).getReconsumeTimes());
        MessageExt copy = inbox.takeOne(30);
        Check.equal("reconsumeTimes of the copy", 1, copy.getReconsumeTimes());
        Check.equal("retry topic", topic, copy.getProperty("RETRY_TOPIC"));
        inbox.nothing(1_500);
    }
}
