package compare;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/**
 * {@link EndToEnd} with clients that speak gRPC: sends at a rate without waiting, and receives in the same process. Latency counts from the time at
 * which a message was meant to leave, which its first eight bytes hold. Settings: topic, group, rate, size, warm, seconds.
 */
final class GrpcEndToEnd {
    private static final long PROBE = -1; // instead of a time
    private static final int READY_LIMIT = 60; // seconds
    private static final long LAST_LIMIT = 30_000_000_000L; // nanoseconds

    private final Span span = new Span();
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicLong answered = new AtomicLong(); // failures too
    private final AtomicLong received = new AtomicLong();
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile long from = Long.MAX_VALUE; // time of the first message that counts

    static Map<String, Double> run(Command c) throws Exception {
        return new GrpcEndToEnd().measure(c);
    }

    private Map<String, Double> measure(Command c) throws Exception {
        try (Producer producer = GrpcClient.producer(c)) {
            PushConsumer consumer = GrpcClient.consumer(c, this::receive);
            try {
                byte[] probe = new byte[Long.BYTES];
                ByteBuffer.wrap(probe).putLong(PROBE);
                producer.send(GrpcClient.message(c.text("topic"), probe));
                if (!ready.await(READY_LIMIT, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("the first message has not come in " + READY_LIMIT + " s");
                }
                send(producer, c);
            } finally {
                GrpcClient.close(consumer);
            }
        }
        Map<String, Double> numbers = span.numbers();
        numbers.put("lost", Math.max(0.0, acknowledged.get() - received.get()));
        return numbers;
    }

    private ConsumeResult receive(MessageView view) {
        long intended = view.getBody().getLong();
        if (intended == PROBE) {
            ready.countDown();
            return ConsumeResult.SUCCESS;
        }
        received.incrementAndGet();
        if (intended - from >= 0) {
            span.latency.record(System.nanoTime() - intended);
            span.count(1);
        }
        return ConsumeResult.SUCCESS;
    }

    private void send(Producer producer, Command c) throws Exception {
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
            producer.sendAsync(GrpcClient.message(c.text("topic"), body)).whenComplete((receipt, e) -> {
                if (e == null) {
                    acknowledged.incrementAndGet();
                } else {
                    span.fail(e);
                }
                answered.incrementAndGet();
            });
        }
        span.end();
        for (long waited = System.nanoTime(); (answered.get() < total || received.get() < acknowledged.get()) && System.nanoTime() - waited < LAST_LIMIT;) {
            Thread.sleep(50);
        }
    }
}
