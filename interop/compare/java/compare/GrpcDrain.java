package compare;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;

/** A push consumer that speaks gRPC works off what a topic holds, from the first message that it gets to the count-th. Settings: topic, group, count. */
final class GrpcDrain {
    private static final int LIMIT = 240; // seconds

    private GrpcDrain() {
    }

    static Map<String, Double> run(Command c) throws Exception {
        Span span = new Span();
        long count = c.count("count");
        AtomicLong received = new AtomicLong();
        CountDownLatch ended = new CountDownLatch(1);
        PushConsumer consumer = GrpcClient.consumer(c, view -> {
            long n = received.incrementAndGet();
            if (n == 1) {
                span.begin();
            }
            if (n == count) {
                span.end();
                ended.countDown();
            }
            return ConsumeResult.SUCCESS;
        });
        try {
            if (!ended.await(LIMIT, TimeUnit.SECONDS)) {
                throw new IllegalStateException("received " + received + " of " + count + " messages in " + LIMIT + " s");
            }
        } finally {
            GrpcClient.close(consumer);
        }
        span.count(count);
        return span.numbers();
    }
}
