package interop;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/** Puts the Java client under the load that all compared clients get. See ../../README.md for its arguments. */
public final class Numbers {
    private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private Numbers() {
    }

    /** A moment of the run; CPU time and time in nanoseconds. */
    private record Mark(long messages, long at, long cpu) {
        static Mark at(long messages) {
            return new Mark(messages, System.nanoTime(), SYSTEM.getProcessCpuTime());
        }
    }

    public static void main(String[] args) {
        try {
            run(args);
            System.exit(0);
        } catch (Exception e) { // threads of the client outlive it
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] args) throws Exception {
        if (args.length == 7 && args[0].equals("send")) {
            send(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]), Long.parseLong(args[5]), Long.parseLong(args[6]));
        } else if (args.length == 6 && args[0].equals("consume")) {
            consume(args[1], args[2], args[3], Long.parseLong(args[4]), Long.parseLong(args[5]));
        } else {
            throw new IllegalArgumentException("want send or consume with their arguments, got " + String.join(" ", args));
        }
    }

    private static void report(Mark from, Mark to) {
        System.out.printf("{\"messages\":%d,\"seconds\":%s,\"cpuSeconds\":%s}%n", to.messages - from.messages, (to.at - from.at) / 1e9, (to.cpu - from.cpu) / 1e9);
    }

    private static void send(String namesrv, String topic, int threads, int size, long warm, long measured) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("numbers-java");
        producer.setNamesrvAddr(namesrv);
        producer.setSendMsgTimeout(30_000); // a loaded machine must not fail the run
        producer.setMqClientApiTimeout(30_000);
        producer.start();
        byte[] body = "x".repeat(size).getBytes(StandardCharsets.US_ASCII);
        first(producer, new Message(topic, body));
        AtomicLong sent = new AtomicLong();
        AtomicReference<Exception> failure = new AtomicReference<>();
        for (int i = 0; i < threads; i++) {
            Thread worker = new Thread(() -> {
                try {
                    while (true) {
                        producer.send(new Message(topic, body));
                        sent.incrementAndGet();
                    }
                } catch (Exception e) {
                    failure.compareAndSet(null, e);
                }
            });
            worker.setDaemon(true);
            worker.start();
        }
        TimeUnit.SECONDS.sleep(warm);
        Mark from = Mark.at(sent.get());
        TimeUnit.SECONDS.sleep(measured);
        Mark to = Mark.at(sent.get());
        if (failure.get() != null) {
            throw failure.get();
        }
        report(from, to);
    }

    /** Connects before all threads come; a cold JVM on a loaded machine misses the client's own limits at first. */
    private static void first(DefaultMQProducer producer, Message message) throws Exception {
        for (int tries = 1; ; tries++) {
            try {
                producer.send(message);
                return;
            } catch (Exception e) {
                if (tries == 20) {
                    throw e;
                }
            }
        }
    }

    private static void consume(String namesrv, String topic, String group, long warm, long measured) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(namesrv);
        consumer.setMqClientApiTimeout(30_000);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        AtomicLong received = new AtomicLong();
        AtomicReference<Mark> from = new AtomicReference<>();
        AtomicReference<Mark> to = new AtomicReference<>();
        CountDownLatch ended = new CountDownLatch(1);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            long n = received.addAndGet(messages.size()); // one at a time by default
            if (n == warm) {
                from.set(Mark.at(n));
            } else if (n == warm + measured) {
                to.set(Mark.at(n));
                ended.countDown();
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        if (!ended.await(5, TimeUnit.MINUTES)) {
            throw new IllegalStateException("received " + received + " messages, want " + (warm + measured));
        }
        report(from.get(), to.get());
    }
}
