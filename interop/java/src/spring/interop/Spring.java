package interop;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.spring.annotation.ConsumeMode;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.annotation.RocketMQTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionState;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.apache.rocketmq.spring.support.RocketMQHeaders;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Component;

/** An application of RocketMQ's Spring Boot starter: listeners, all ways to send of its template, and transactions. */
@SpringBootApplication
public class Spring {
    private static final Map<String, List<String>> HEARD = new ConcurrentHashMap<>();
    private static final Map<String, Integer> ASKED = new ConcurrentHashMap<>();
    private static final int PATIENCE = 40;

    /** A scenario with the topic that its listener reads. */
    private record Part(String name, Scene scene) {
    }

    private interface Scene {
        void run(RocketMQTemplate template, String topic) throws Exception;
    }

    /** What is sent as JSON. */
    public static final class Order {
        public int number;
        public String item;

        public Order() {
        }

        Order(int number, String item) {
            this.number = number;
            this.item = item;
        }
    }

    /** Exits whatever happens: the clients' threads would keep the program alive after a failure to start. */
    public static void main(String[] arguments) {
        try {
            System.exit(run() ? 0 : 1);
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            System.exit(2);
        }
    }

    private static boolean run() throws Exception {
        Driver driver = new Driver();
        driver.listen();
        List<Part> parts = List.of(new Part("objects", Spring::objects), new Part("ordered", Spring::ordered), new Part("retry", Spring::retry),
            new Part("delay", Spring::delay), new Part("transaction", Spring::transaction));
        String run = System.getenv("INTEROP_RUN");
        Properties settings = new Properties();
        settings.setProperty("rocketmq.name-server", System.getenv("INTEROP_NAMESRV"));
        settings.setProperty("rocketmq.producer.group", "spring-" + run);
        settings.setProperty("spring.main.banner-mode", "off");
        settings.setProperty("logging.level.root", "WARN");
        for (Part p : parts) {
            driver.say("PLAN spring-" + p.name());
            String topic = topic(p);
            driver.ask("topic " + topic + " 4");
            settings.setProperty("interop." + p.name(), topic);
        }
        SpringApplication application = new SpringApplication(Spring.class);
        application.setDefaultProperties(settings);
        System.setOut(System.err); // Spring's log goes there, and the driver has its own
        boolean good = true;
        try (ConfigurableApplicationContext context = application.run()) {
            RocketMQTemplate template = context.getBean(RocketMQTemplate.class);
            for (Part p : parts) {
                long start = System.nanoTime();
                try {
                    p.scene().run(template, topic(p));
                    driver.say("PASS spring-" + p.name() + " " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
                } catch (Exception | AssertionError e) {
                    good = false;
                    driver.say("FAIL spring-" + p.name() + " " + e);
                }
            }
        }
        return good;
    }

    private static String topic(Part p) {
        return "spring-" + System.getenv("INTEROP_RUN") + "-" + p.name();
    }

    private static List<String> heard(String what) {
        return HEARD.computeIfAbsent(what, name -> new CopyOnWriteArrayList<>());
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    /** Sends sync, async and one-way, as objects; only those with the tag are heard. */
    private static void objects(RocketMQTemplate template, String topic) throws Exception {
        for (int i = 0; i < 4; i++) {
            SendResult sent = template.syncSend(topic + ":wanted", MessageBuilder.withPayload(new Order(i, "tea")).setHeader(RocketMQHeaders.KEYS, "k" + i).build());
            Check.equal("status", SendStatus.SEND_OK, sent.getSendStatus());
            template.convertAndSend(topic + ":other", new Order(i, "milk"));
        }
        CountDownLatch done = new CountDownLatch(4);
        List<Throwable> failed = new CopyOnWriteArrayList<>();
        for (int i = 4; i < 8; i++) {
            template.asyncSend(topic + ":wanted", new Order(i, "tea"), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    done.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    failed.add(e);
                    done.countDown();
                }
            });
        }
        Check.that("callbacks", done.await(PATIENCE, TimeUnit.SECONDS));
        Check.equal("failed asynchronous sends", List.of(), failed);
        for (int i = 8; i < 10; i++) {
            template.sendOneWay(topic + ":wanted", new Order(i, "tea"));
        }
        Check.eventually("all orders with the tag", PATIENCE, () -> heard("objects").size() >= 10);
        Check.equal("orders", IntStream.range(0, 10).mapToObj(i -> i + " tea").toList(), heard("objects").stream().sorted().toList());
    }

    private static void ordered(RocketMQTemplate template, String topic) throws Exception {
        for (int i = 0; i < 40; i++) {
            for (String key : List.of("a", "b")) {
                template.syncSendOrderly(topic, key + i, key);
            }
        }
        Check.eventually("all messages", PATIENCE, () -> heard("ordered").size() >= 80);
        for (String key : List.of("a", "b")) {
            Check.equal("order of " + key, numbers(40), heard("ordered").stream().filter(s -> s.startsWith(key)).map(s -> s.substring(1)).toList());
        }
    }

    /** The listener fails at first; the message comes again as a retry of the same id. */
    private static void retry(RocketMQTemplate template, String topic) throws Exception {
        SendResult sent = template.syncSend(topic, "again");
        Check.eventually("the retry", PATIENCE, () -> heard("retry").size() >= 2);
        Check.equal("attempts", List.of("0 " + sent.getMsgId(), "1 " + sent.getMsgId()), List.copyOf(heard("retry")));
    }

    private static void delay(RocketMQTemplate template, String topic) throws Exception {
        long start = System.currentTimeMillis();
        template.syncSendDelayTimeSeconds(topic, "seconds", 2);
        template.syncSend(topic, MessageBuilder.withPayload("level").build(), 3000, 2);
        Check.eventually("both messages", PATIENCE, () -> heard("delay").size() >= 2);
        for (String line : heard("delay")) {
            String[] words = line.split(" ");
            long low = words[0].equals("level") ? 5000 : 2000;
            Check.between("delay of " + words[0], low, low + 4000, Long.parseLong(words[1]) - start);
        }
    }

    private static void transaction(RocketMQTemplate template, String topic) throws Exception {
        for (String wish : List.of("commit", "rollback", "commit later", "rollback later")) {
            template.sendMessageInTransaction(topic, MessageBuilder.withPayload(wish).build(), null);
        }
        Check.eventually("both committed messages", PATIENCE, () -> heard("transaction").size() >= 2);
        Check.eventually("both questions", PATIENCE, () -> ASKED.size() >= 2);
        Check.equal("committed", List.of("commit", "commit later"), heard("transaction").stream().sorted().toList());
    }

    /** Hears objects with one tag. */
    @Component
    @RocketMQMessageListener(topic = "${interop.objects}", consumerGroup = "${interop.objects}", selectorExpression = "wanted")
    public static class Objects implements RocketMQListener<Order> {
        @Override
        public void onMessage(Order order) {
            heard("objects").add(order.number + " " + order.item);
        }
    }

    /** Hears messages in their order. */
    @Component
    @RocketMQMessageListener(topic = "${interop.ordered}", consumerGroup = "${interop.ordered}", consumeMode = ConsumeMode.ORDERLY)
    public static class Ordered implements RocketMQListener<String> {
        @Override
        public void onMessage(String text) {
            heard("ordered").add(text);
        }
    }

    /** Fails at the first attempt. */
    @Component
    @RocketMQMessageListener(topic = "${interop.retry}", consumerGroup = "${interop.retry}", delayLevelWhenNextConsume = 1)
    public static class Failing implements RocketMQListener<MessageExt> {
        @Override
        public void onMessage(MessageExt message) {
            heard("retry").add(message.getReconsumeTimes() + " " + message.getMsgId());
            if (message.getReconsumeTimes() == 0) {
                throw new IllegalStateException("not yet");
            }
        }
    }

    /** Notes when a message came. */
    @Component
    @RocketMQMessageListener(topic = "${interop.delay}", consumerGroup = "${interop.delay}")
    public static class Delayed implements RocketMQListener<String> {
        @Override
        public void onMessage(String text) {
            heard("delay").add(text + " " + System.currentTimeMillis());
        }
    }

    /** Hears what was committed. */
    @Component
    @RocketMQMessageListener(topic = "${interop.transaction}", consumerGroup = "${interop.transaction}")
    public static class Committed implements RocketMQListener<String> {
        @Override
        public void onMessage(String text) {
            heard("transaction").add(text);
        }
    }

    /** Does what a half message says: at once, or when it is asked. */
    @RocketMQTransactionListener
    public static class Ledger implements RocketMQLocalTransactionListener {
        @Override
        public RocketMQLocalTransactionState executeLocalTransaction(Message message, Object argument) {
            String wish = text(message);
            return wish.endsWith("later") ? RocketMQLocalTransactionState.UNKNOWN : end(wish);
        }

        @Override
        public RocketMQLocalTransactionState checkLocalTransaction(Message message) {
            String wish = text(message);
            ASKED.merge(wish, 1, Integer::sum);
            return end(wish);
        }

        private static RocketMQLocalTransactionState end(String wish) {
            return wish.startsWith("commit") ? RocketMQLocalTransactionState.COMMIT : RocketMQLocalTransactionState.ROLLBACK;
        }

        private static String text(Message message) {
            return new String((byte[]) message.getPayload(), java.nio.charset.StandardCharsets.UTF_8);
        }
    }
}
