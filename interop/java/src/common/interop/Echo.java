package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Sends every message of one topic to another, as it has read it: compressed by the kind that its property "kind" names, to the
 * queue that the hash of its key chooses. It leaves when it reads a line.
 */
final class Echo {
    private final Map<String, DefaultMQProducer> producers = new HashMap<>();

    private Echo() {
    }

    public static void main(String[] arguments) throws Exception {
        Echo echo = new Echo();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(System.getenv("INTEROP_GROUP"));
        consumer.setNamesrvAddr(System.getenv("INTEROP_NAMESRV"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(System.getenv("INTEROP_TOPIC"), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            try {
                for (MessageExt message : messages) {
                    echo.send(message);
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            } catch (Exception e) {
                e.printStackTrace();
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
        });
        consumer.start();
        System.out.println("READY");
        System.out.flush();
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        consumer.shutdown();
        System.exit(0);
    }

    private synchronized void send(MessageExt got) throws Exception {
        String kind = got.getUserProperty("kind");
        if (!producers.containsKey(kind)) {
            System.setProperty("rocketmq.message.compressType", kind); // 4.9 knows zlib alone, and does not look
            DefaultMQProducer producer = new DefaultMQProducer(System.getenv("INTEROP_GROUP") + kind);
            producer.setNamesrvAddr(System.getenv("INTEROP_NAMESRV"));
            producer.setSendMsgTimeout(10_000);
            producer.start();
            producers.put(kind, producer);
        }
        Message copy = new Message(System.getenv("INTEROP_ECHO"), got.getTags(), got.getKeys(), got.getFlag(), got.getBody(), true);
        copy.putUserProperty("kind", kind);
        copy.putUserProperty("mine", got.getUserProperty("mine"));
        copy.putUserProperty("id", got.getMsgId());
        copy.putUserProperty("reading", got.getQueueOffset() + " " + got.getQueueId());
        Lab.stored(producers.get(kind).send(copy, new SelectMessageQueueByHash(), got.getKeys()));
    }
}
