import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * Asynchronous decoupling: the shop takes orders while the notification service is down, and the notification service
 * catches up when it comes. Neither knows the other. The NameServer's address is the argument, 127.0.0.1:9876 without.
 */
public final class Main {
    private static final String TOPIC = "orders";

    public static void main(String[] arguments) throws Exception {
        String namesrv = arguments.length > 0 ? arguments[0] : "127.0.0.1:9876";
        DefaultMQProducer shop = new DefaultMQProducer("shop");
        shop.setNamesrvAddr(namesrv);
        shop.start();
        for (int order = 1001; order <= 1003; order++) {
            accept(shop, order);
        }
        System.out.println("3 orders accepted, and nobody has been notified yet");

        CountDownLatch mails = new CountDownLatch(4);
        Set<String> notified = ConcurrentHashMap.newKeySet(); // a message may come twice, a mail should not
        DefaultMQPushConsumer notifications = new DefaultMQPushConsumer("notifications");
        notifications.setNamesrvAddr(namesrv);
        notifications.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        notifications.setAwaitTerminationMillisWhenShutdown(5_000); // what is handled is not to come again
        notifications.subscribe(TOPIC, "placed");
        notifications.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (Message message : messages) {
                if (notified.add(message.getKeys())) {
                    System.out.println("mail to the buyer of order " + message.getKeys());
                    mails.countDown();
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS; // an exception, or RECONSUME_LATER, brings it again later
        });
        notifications.start();
        System.out.println("the notification service is up");
        accept(shop, 1004);

        boolean all = mails.await(30, TimeUnit.SECONDS);
        notifications.shutdown();
        shop.shutdown();
        System.out.println(all ? "4 buyers notified" : mails.getCount() + " buyers were not notified within 30 s");
        System.exit(all ? 0 : 1);
    }

    /** The order is accepted once the message is safe; what others make of it is not waited for. */
    private static void accept(DefaultMQProducer shop, int order) throws Exception {
        shop.send(new Message(TOPIC, "placed", String.valueOf(order), ("order " + order).getBytes()));
        System.out.println("order " + order + " accepted");
    }
}
