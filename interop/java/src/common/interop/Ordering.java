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
import org.apache.rocketmq.common.message.MessageExt;

/** Strict order: one queue, one queue per key, and a failing head that holds its queue back. */
final class Ordering {
    private Ordering() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("ordered-global", Ordering::global),
            new Scenario("ordered-per-key", Ordering::perKey),
            new Scenario("ordered-retry", Ordering::retry));
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
}
