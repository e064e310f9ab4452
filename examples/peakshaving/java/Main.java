import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * Peak shaving: 1,000 buyers of a flash sale press the button within one second. The broker takes all of them; the stock
 * database, which bears 4 at once, works them off at its own pace. The NameServer's address is the argument.
 */
public final class Main {
    private static final int BUYERS = 1000;
    private static final int STOCK = 100;
    private static final int AT_ONCE = 4;

    /** The slow part: it counts how many are in it at once. */
    private static final class Stock {
        private final AtomicInteger inside = new AtomicInteger();
        private final AtomicInteger mostInside = new AtomicInteger();
        private final AtomicInteger left = new AtomicInteger(STOCK);

        boolean take() throws InterruptedException {
            mostInside.accumulateAndGet(inside.incrementAndGet(), Math::max);
            TimeUnit.MILLISECONDS.sleep(2);
            inside.decrementAndGet();
            return left.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
        }
    }

    public static void main(String[] arguments) throws Exception {
        String namesrv = arguments.length > 0 ? arguments[0] : "127.0.0.1:9876";
        String sale = "sale-" + System.currentTimeMillis(); // a sale of its own, however often the example runs
        burst(namesrv, sale);

        Stock stock = new Stock();
        AtomicInteger sold = new AtomicInteger();
        CountDownLatch served = new CountDownLatch(BUYERS);
        DefaultMQPushConsumer worker = new DefaultMQPushConsumer(sale);
        worker.setNamesrvAddr(namesrv);
        worker.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        worker.setConsumeThreadMin(AT_ONCE);
        worker.setConsumeThreadMax(AT_ONCE);
        worker.subscribe(sale, "*");
        worker.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            try {
                if (stock.take()) {
                    sold.incrementAndGet();
                }
            } catch (InterruptedException e) {
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            served.countDown();
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        worker.start();
        boolean all = served.await(60, TimeUnit.SECONDS);
        worker.shutdown();
        System.out.println("the stock database never had more than " + stock.mostInside + " at once");
        System.out.println(sold + " sold, " + (BUYERS - served.getCount() - sold.get()) + " told that it is sold out");
        System.exit(all ? 0 : 1);
    }

    private static void burst(String namesrv, String sale) throws Exception {
        DefaultMQProducer shop = new DefaultMQProducer("shop");
        shop.setNamesrvAddr(namesrv);
        shop.setSendMsgTimeout(30_000); // a buyer in such a crowd is patient
        shop.start();
        CountDownLatch answers = new CountDownLatch(BUYERS);
        AtomicInteger accepted = new AtomicInteger();
        for (int buyer = 0; buyer < BUYERS; buyer++) {
            shop.send(new Message(sale, ("buyer " + buyer).getBytes()), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    accepted.incrementAndGet();
                    answers.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    System.err.println(e);
                    answers.countDown();
                }
            });
        }
        answers.await();
        shop.shutdown();
        System.out.println(accepted + " buyers accepted, and the stock database has not been asked once");
        if (accepted.get() < BUYERS) {
            System.exit(1);
        }
    }
}
