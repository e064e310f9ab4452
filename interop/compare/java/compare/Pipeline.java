package compare;

import java.util.Map;
import java.util.concurrent.Semaphore;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** One thread sends without waiting, with a bounded number in flight. Settings: topic, inflight, size, warm, seconds. */
final class Pipeline {
    private Pipeline() {
    }

    static Map<String, Double> run(Command c) throws Exception {
        DefaultMQProducer producer = Client.producer(c);
        try {
            Span span = new Span();
            String topic = c.text("topic");
            byte[] body = Client.body(c);
            int most = c.count("inflight");
            Semaphore free = new Semaphore(most);
            producer.send(new Message(topic, body)); // the connection stands
            Thread sender = new Thread(() -> {
                while (!span.isOver()) {
                    free.acquireUninterruptibly();
                    send(producer, new Message(topic, body), span, free);
                }
            }, "sender");
            sender.start();
            span.pass(c.number("warm"), c.number("seconds"));
            sender.join();
            free.acquire(most); // all are answered
            return span.numbers();
        } finally {
            producer.shutdown();
        }
    }

    private static void send(DefaultMQProducer producer, Message message, Span span, Semaphore free) {
        long began = System.nanoTime();
        try {
            producer.send(message, new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    span.done(began, 1);
                    free.release();
                }

                @Override
                public void onException(Throwable e) {
                    span.fail(e);
                    free.release();
                }
            });
        } catch (Exception e) {
            span.fail(e);
            free.release();
        }
    }
}
