package compare;

import java.util.Map;
import org.apache.rocketmq.client.apis.producer.Producer;

/** Threads that share one producer that speaks gRPC; each waits for the answer to what it sent. Settings: topic, threads, size, warm, seconds. */
final class GrpcSenders {
    private GrpcSenders() {
    }

    static Map<String, Double> run(Command c) throws Exception {
        Span span = new Span();
        String topic = c.text("topic");
        byte[] body = Client.body(c);
        try (Producer producer = GrpcClient.producer(c)) {
            producer.send(GrpcClient.message(topic, body)); // the connection stands before all threads come
            Thread[] threads = new Thread[c.count("threads")];
            for (int i = 0; i < threads.length; i++) {
                threads[i] = new Thread(() -> {
                    while (!span.isOver()) {
                        send(producer, topic, body, span);
                    }
                }, "sender-" + i);
                threads[i].start();
            }
            span.pass(c.number("warm"), c.number("seconds"));
            for (Thread thread : threads) {
                thread.join();
            }
        }
        return span.numbers();
    }

    private static void send(Producer producer, String topic, byte[] body, Span span) {
        long began = System.nanoTime();
        try {
            producer.send(GrpcClient.message(topic, body));
            span.done(began, 1);
        } catch (Exception e) {
            span.fail(e);
        }
    }
}
