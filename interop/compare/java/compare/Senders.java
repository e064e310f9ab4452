package compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** Threads that each wait for the answer to what they sent: one message, or a batch. Settings: topic, threads, batch, size, warm, seconds. */
final class Senders {
    private Senders() {
    }

    static Map<String, Double> run(Command c) throws Exception {
        DefaultMQProducer producer = Client.producer(c);
        try {
            Span span = new Span();
            String topic = c.text("topic");
            byte[] body = Client.body(c);
            int batch = c.count("batch");
            producer.send(new Message(topic, body)); // the connection stands before all threads come
            Thread[] threads = new Thread[c.count("threads")];
            for (int i = 0; i < threads.length; i++) {
                threads[i] = new Thread(() -> {
                    while (!span.isOver()) {
                        send(producer, topic, body, batch, span);
                    }
                }, "sender-" + i);
                threads[i].start();
            }
            span.pass(c.number("warm"), c.number("seconds"));
            for (Thread thread : threads) {
                thread.join();
            }
            return span.numbers();
        } finally {
            producer.shutdown();
        }
    }

    private static void send(DefaultMQProducer producer, String topic, byte[] body, int batch, Span span) {
        long began = System.nanoTime();
        try {
            if (batch == 1) {
                producer.send(new Message(topic, body));
            } else {
                List<Message> all = new ArrayList<>(batch);
                for (int i = 0; i < batch; i++) {
                    all.add(new Message(topic, body));
                }
                producer.send(all);
            }
            span.done(began, batch);
        } catch (Exception e) {
            span.fail(e);
        }
    }
}
