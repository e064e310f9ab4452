import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;

/**
 * Cache synchronisation: every node of a web shop keeps all prices in memory. A change is sent once and reaches every
 * node, because they subscribe by broadcast; a node that joins later reads the changes from the beginning.
 */
public final class Main {
    private static final int NODES = 3;

    /** One node: its cache, and the consumer that keeps it up to date. */
    private static final class Node {
        private final Map<String, String> prices = new TreeMap<>();
        private final DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("price-caches");

        Node(String namesrv, String topic, String name) throws Exception {
            consumer.setNamesrvAddr(namesrv);
            consumer.setInstanceName(name);
            consumer.setMessageModel(MessageModel.BROADCASTING);
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
            consumer.setConsumeThreadMin(1); // changes of one queue, one after the other
            consumer.setConsumeThreadMax(1);
            consumer.subscribe(topic, "*");
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(m -> put(m.getKeys(), new String(m.getBody())));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
        }

        private synchronized void put(String article, String price) {
            prices.put(article, price);
            notifyAll();
        }

        /** Waits until the cache holds this, and returns what it holds. */
        synchronized Map<String, String> await(Map<String, String> want) throws InterruptedException {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!prices.equals(want) && System.nanoTime() < end) {
                wait(100);
            }
            return prices;
        }
    }

    public static void main(String[] arguments) throws Exception {
        String namesrv = arguments.length > 0 ? arguments[0] : "127.0.0.1:9876";
        String topic = "prices-" + System.currentTimeMillis(); // a topic of its own, however often the example runs
        // A node's place in the topic is its own business: in broadcast, it lies in a file. These nodes begin without.
        System.setProperty("rocketmq.client.localOffsetStoreDir", Files.createTempDirectory("offsets").toString());
        DefaultMQProducer office = new DefaultMQProducer("price-office");
        office.setNamesrvAddr(namesrv);
        office.start();
        office.createTopic("TBW102", topic, 1, Map.of()); // one queue: all nodes see all changes in one order

        List<Node> nodes = new ArrayList<>();
        for (int i = 1; i <= NODES; i++) {
            nodes.add(new Node(namesrv, topic, "node-" + i));
        }
        String[][] changes = {{"apple", "3"}, {"pear", "4"}, {"apple", "5"}, {"plum", "2"}};
        Map<String, String> want = new TreeMap<>();
        for (String[] change : changes) {
            office.send(new Message(topic, "", change[0], change[1].getBytes()));
            System.out.println("the price of " + change[0] + " is now " + change[1]);
            want.put(change[0], change[1]);
        }
        boolean same = show(nodes, want);
        System.out.println("node-4 joins");
        nodes.add(new Node(namesrv, topic, "node-4"));
        same &= show(nodes.subList(NODES, NODES + 1), want);
        nodes.forEach(n -> n.consumer.shutdown());
        office.shutdown();
        System.exit(same ? 0 : 1);
    }

    private static boolean show(List<Node> nodes, Map<String, String> want) throws InterruptedException {
        boolean same = true;
        for (Node node : nodes) {
            Map<String, String> has = node.await(want);
            System.out.println(node.consumer.getInstanceName() + " knows " + has.toString().replaceAll("[{}]", ""));
            same &= has.equals(want);
        }
        return same;
    }
}
