package compare;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

/** Makes clients with their default settings, but for timeouts: a loaded machine must not fail a run. */
final class Client {
    private static final AtomicLong NUMBER = new AtomicLong();
    private static final int LIMIT = 30_000; // milliseconds

    private Client() {
    }

    static DefaultMQProducer producer(Command c) throws Exception {
        DefaultMQProducer p = new DefaultMQProducer("compare-" + NUMBER.incrementAndGet());
        p.setNamesrvAddr(c.text("namesrv"));
        p.setInstanceName("producer-" + NUMBER.incrementAndGet());
        p.setSendMsgTimeout(LIMIT);
        p.setMqClientApiTimeout(LIMIT);
        p.start();
        return p;
    }

    static DefaultMQPushConsumer consumer(Command c, MessageListenerConcurrently listener) throws Exception {
        DefaultMQPushConsumer p = new DefaultMQPushConsumer(c.text("group"));
        p.setNamesrvAddr(c.text("namesrv"));
        p.setInstanceName("consumer-" + NUMBER.incrementAndGet());
        p.setMqClientApiTimeout(LIMIT);
        p.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        p.subscribe(c.text("topic"), "*");
        p.registerMessageListener(listener);
        p.start();
        return p;
    }

    static byte[] body(Command c) {
        byte[] body = new byte[c.count("size")];
        Arrays.fill(body, (byte) 'x');
        return body;
    }
}
