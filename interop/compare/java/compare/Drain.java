package compare;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;

/** A push consumer works off what a topic holds, from its first message to the count-th. Settings: topic, group, count. */
final class Drain {
    private static final int LIMIT = 240; // seconds

    private Drain() {
    }

    static Map<String, Double> run(Command c) throws Exception {
        Span span = new Span();
        long count = c.count("count");
        AtomicLong received = new AtomicLong();
        CountDownLatch ended = new CountDownLatch(1);
        DefaultMQPushConsumer consumer = Client.consumer(c, (messages, context) -> {
            long n = received.addAndGet(messages.size());
            if (n == messages.size()) {
                span.begin();
            }
            if (n >= count && n - messages.size() < count) {
                span.end();
                ended.countDown();
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        try {
            if (!ended.await(LIMIT, TimeUnit.SECONDS)) {
                throw new IllegalStateException("received " + received + " of " + count + " messages in " + LIMIT + " s");
            }
        } finally {
            consumer.shutdown();
        }
        span.count(count);
        return span.numbers();
    }
}
