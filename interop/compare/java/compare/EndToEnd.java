package compare;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Sends at a rate without waiting, and receives in the same process. Latency counts from the time at which a message was meant to leave, which its first
 * eight bytes hold. Settings: topic, group, rate, size, warm, seconds.
 */
final class EndToEnd {
    private static final long PROBE = -1; // instead of a time
    private static final long READY_LIMIT = 60_000_000_000L; // nanoseconds
    private static final long LAST_LIMIT = 10_000_000_000L;

    private final Span span = new Span();
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicLong answered = new AtomicLong(); // failures too
    private final AtomicLong received = new AtomicLong();
    private final Set<Integer> ready = ConcurrentHashMap.newKeySet();
    private volatile long from = Long.MAX_VALUE; // time of the first message that counts

    static Map<String, Double> run(Command c) throws Exception {
        return new EndToEnd().measure(c);
    }

    private Map<String, Double> measure(Command c) throws Exception {
        DefaultMQProducer producer = Client.producer(c);
        try {
            DefaultMQPushConsumer consumer = Client.consumer(c, (messages, context) -> {
                messages.forEach(this::receive);
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            try {
                awaitReady(producer, c.text("topic"));
                send(producer, c);
            } finally {
                consumer.shutdown();
            }
        } finally {
            producer.shutdown();
        }
        Map<String, Double> numbers = span.numbers();
        numbers.put("lost", Math.max(0.0, acknowledged.get() - received.get()));
        return numbers;
    }

    private void receive(MessageExt message) {
        long intended = ByteBuffer.wrap(message.getBody()).getLong();
        if (intended == PROBE) {
            ready.add(message.getQueueId());
            return;
        }
        received.incrementAndGet();
        if (intended - from >= 0) {
            span.latency.record(System.nanoTime() - intended);
            span.count(1);
        }
    }

    /** Sends a probe to each queue until one of each has come: then the consumer waits for messages. */
    private void awaitReady(DefaultMQProducer producer, String topic) throws Exception {
        byte[] body = new byte[Long.BYTES];
        ByteBuffer.wrap(body).putLong(PROBE);
        List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
        for (long begin = System.nanoTime(); ready.size() < queues.size(); Thread.sleep(250)) {
            if (System.nanoTime() - begin > READY_LIMIT) {
                throw new IllegalStateException("messages come from " + ready.size() + " of " + queues.size() + " queues");
            }
            for (MessageQueue queue : queues) {
                if (!ready.contains(queue.getQueueId())) {
                    producer.send(new Message(topic, body), queue);
                }
            }
        }
    }

    private void send(DefaultMQProducer producer, Command c) throws Exception {
        double interval = 1e9 / c.number("rate");
        long warm = (long) (c.number("warm") * c.number("rate"));
        long total = warm + (long) (c.number("seconds") * c.number("rate"));
        long begin = System.nanoTime();
        for (long i = 0; i < total; i++) {
            long intended = begin + (long) (i * interval);
            for (long wait = intended - System.nanoTime(); wait > 0; wait = intended - System.nanoTime()) {
                LockSupport.parkNanos(wait);
            }
            if (i == warm) {
                from = intended;
                span.begin();
            }
            byte[] body = Client.body(c);
            ByteBuffer.wrap(body).putLong(intended);
            producer.send(new Message(c.text("topic"), body), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    acknowledged.incrementAndGet();
                    answered.incrementAndGet();
                }

                @Override
                public void onException(Throwable e) {
                    span.fail(e);
                    answered.incrementAndGet();
                }
            });
        }
        span.end();
        awaitLast(total);
    }

    private void awaitLast(long sent) throws InterruptedException {
        long begin = System.nanoTime();
        while ((answered.get() < sent || received.get() < acknowledged.get()) && System.nanoTime() - begin < LAST_LIMIT) {
            Thread.sleep(50);
        }
    }
}
