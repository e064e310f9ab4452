import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Strictly ordered messages, in both ways: a ledger that everybody must see in one order (a topic with one queue), and
 * orders whose steps must keep their order while different orders go side by side (many queues, chosen by order id).
 */
public final class Main {
    private static final int ENTRIES = 20;
    private static final List<String> STEPS = List.of("created", "paid", "packed", "shipped");
    private static final int ORDERS = 5;

    public static void main(String[] arguments) throws Exception {
        String namesrv = arguments.length > 0 ? arguments[0] : "127.0.0.1:9876";
        String run = "-" + System.currentTimeMillis(); // topics of its own, however often the example runs
        DefaultMQProducer producer = new DefaultMQProducer("bank");
        producer.setNamesrvAddr(namesrv);
        producer.start();

        String ledger = "ledger" + run;
        producer.createTopic("TBW102", ledger, 1, Map.of());
        for (int entry = 1; entry <= ENTRIES; entry++) {
            producer.send(new Message(ledger, String.valueOf(entry).getBytes()));
        }
        List<String> read = new ArrayList<>();
        consume(namesrv, ledger, ENTRIES, message -> read.add(new String(message.getBody())));
        System.out.println("the ledger reads " + String.join(" ", read));

        String orders = "order-steps" + run;
        producer.createTopic("TBW102", orders, 4, Map.of());
        for (String step : STEPS) {
            for (int order = 1; order <= ORDERS; order++) {
                Message message = new Message(orders, step.getBytes());
                message.setKeys("order-" + order);
                producer.send(message, new SelectMessageQueueByHash(), message.getKeys());
            }
        }
        Map<String, List<String>> seen = new TreeMap<>();
        consume(namesrv, orders, STEPS.size() * ORDERS,
            message -> seen.computeIfAbsent(message.getKeys(), k -> new ArrayList<>()).add(new String(message.getBody())));
        seen.forEach((order, steps) -> System.out.println(order + " was " + String.join(", ", steps)));
        producer.shutdown();
        System.exit(0);
    }

    private interface Reader {
        void read(MessageExt message);
    }

    /** Hands so many messages of the topic to the reader, each queue's in its order, one at a time. */
    private static void consume(String namesrv, String topic, int count, Reader reader) throws Exception {
        CountDownLatch left = new CountDownLatch(count);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(topic + "-readers");
        consumer.setNamesrvAddr(namesrv);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            synchronized (reader) { // queues go side by side; the lists are shared
                messages.forEach(reader::read);
            }
            messages.forEach(m -> left.countDown());
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        boolean all = left.await(60, TimeUnit.SECONDS);
        consumer.shutdown();
        if (!all) {
            System.out.println(left.getCount() + " messages of " + topic + " did not come within 60 s");
            System.exit(1);
        }
    }
}
