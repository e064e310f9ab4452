package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** SQL92 over the properties of messages. */
final class Filtering {
    private Filtering() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("sql-push", Filtering::push),
            new Scenario("sql-pull", Filtering::pull),
            new Scenario("sql-lite-pull", Filtering::litePull),
            new Scenario("sql-retry", Filtering::retry),
            new Scenario("sql-wrong-expression", Filtering::wrongExpression));
    }

    /** A message whose properties are the pairs given. */
    private static void send(DefaultMQProducer producer, String topic, String body, String... pairs) throws Exception {
        Message message = Lab.message(topic, "vip", body);
        for (int i = 0; i < pairs.length; i += 2) {
            message.putUserProperty(pairs[i], pairs[i + 1]);
        }
        Lab.stored(producer.send(message));
    }

    /** Some lie there before the consumer comes, others wake its pulls; few of either are wanted. */
    static void push(Lab lab) throws Exception {
        String topic = lab.topic(2);
        DefaultMQProducer producer = lab.producer();
        Inbox inbox = new Inbox();
        var consumer = lab.consumer(lab.group(), lab.unique("sql"));
        consumer.subscribe(topic, MessageSelector.bySql("price BETWEEN 3 AND 5 AND region = 'hangzhou' AND TAGS = 'vip'"));
        consumer.registerMessageListener(inbox.concurrently());
        List<String> want = new ArrayList<>();
        for (int round = 0; round < 2; round++) {
            for (int price = 0; price < 20; price++) {
                send(producer, topic, "here-" + round + "-" + price, "price", "" + price, "region", "hangzhou");
                send(producer, topic, "there-" + round + "-" + price, "price", "" + price, "region", "shanghai");
                send(producer, topic, "nowhere-" + round + "-" + price, "price", "" + price);
            }
            for (int price = 3; price <= 5; price++) {
                want.add("here-" + round + "-" + price);
            }
            if (round == 0) {
                consumer.start();
                inbox.take(3, 20).forEach(m -> Check.that(Check.text(m), want.remove(Check.text(m))));
                Check.equal("missing", List.of(), want);
                inbox.nothing(500);
            }
        }
        inbox.take(3, 20).forEach(m -> Check.that(Check.text(m), want.remove(Check.text(m))));
        Check.equal("missing", List.of(), want);
        inbox.nothing(500);
    }

    /** What the broker makes of numbers, texts and missing properties. */
    static void pull(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        send(producer, topic, "0", "n", "5", "s", "hangzhou");
        send(producer, topic, "1", "n", "5.0", "s", "shanghai");
        send(producer, topic, "2", "n", "five", "flag", "true");
        send(producer, topic, "3", "s", "it's 中文");
        send(producer, topic, "4", "n", "2147483648");
        DefaultMQPullConsumer consumer = lab.pullConsumer(lab.group());
        MessageQueue queue = consumer.fetchSubscribeMessageQueues(topic).iterator().next();
        Check.eventually("a heartbeat has told the client the broker's version", 10,
            () -> consumer.pull(queue, MessageSelector.bySql("n = 5"), 0, 32) != null);
        String[][] cases = {
            {"n = 5", "0"}, {"n = 5.0", "0", "1"}, {"n > 4", "0"}, {"n > 4.5", "0", "1", "4"}, {"n > 2147483647"},
            {"n = 2147483648", "4"}, {"n IS NULL", "3"}, {"n IS NOT NULL", "0", "1", "2", "4"}, {"n <> '5'", "1", "2", "4"},
            {"NOT (n = '5')", "1", "2", "4"}, {"s IN ('hangzhou', 'shanghai')", "0", "1"}, {"s NOT IN ('hangzhou')", "1", "3"},
            {"s CONTAINS 'zh'", "0"}, {"s STARTSWITH 'it''s'", "3"}, {"s ENDSWITH '中文'", "3"}, {"s NOT CONTAINS 'h'", "3"}, {"flag = TRUE", "2"},
            {"flag"}, {"NOT flag", "2"}, {"s = 'hangzhou' OR n > 1", "0"}, {"TAGS = 'vip' AND n NOT BETWEEN 6 AND 9", "0"},
        };
        for (String[] c : cases) {
            PullResult result = consumer.pull(queue, MessageSelector.bySql(c[0]), 0, 32);
            List<String> want = new ArrayList<>();
            for (int i = 1; i < c.length; i++) {
                want.add(c[i]);
            }
            List<String> got = result.getPullStatus() == PullStatus.FOUND ? Check.texts(result.getMsgFoundList()) : List.of();
            Check.equal(c[0], want, got);
            Check.equal("next of " + c[0], 5L, result.getNextBeginOffset());
        }
        Check.equal("status without a match", PullStatus.NO_MATCHED_MSG, consumer.pull(queue, MessageSelector.bySql("n = 77"), 0, 32).getPullStatus());
    }

    static void litePull(Lab lab) throws Exception {
        String topic = lab.topic(2);
        DefaultLitePullConsumer consumer = lab.configure(new DefaultLitePullConsumer(lab.group()), lab.unique("lite"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, MessageSelector.bySql("price > 7"));
        consumer.start();
        try {
            DefaultMQProducer producer = lab.producer();
            for (int price = 0; price < 10; price++) {
                send(producer, topic, "p" + price, "price", "" + price);
            }
            List<String> got = new ArrayList<>();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (got.size() < 2 && System.nanoTime() < end) {
                for (MessageExt message : consumer.poll(500)) {
                    got.add(Check.text(message));
                }
            }
            Check.equal("received", List.of("p8", "p9"), got.stream().sorted().toList());
            Check.equal("more", List.of(), consumer.poll(500));
        } finally {
            consumer.shutdown();
        }
    }

    /** What failed comes back, though the retry topic is subscribed to by tags. */
    static void retry(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = new Inbox();
        var consumer = lab.consumer(lab.group(), lab.unique("sql"));
        consumer.subscribe(topic, MessageSelector.bySql("price = 1"));
        consumer.registerMessageListener(inbox.failing(1, 1));
        consumer.start();
        DefaultMQProducer producer = lab.producer();
        send(producer, topic, "other", "price", "2");
        send(producer, topic, "wanted", "price", "1");
        Check.equal("first", "wanted", Check.text(inbox.takeOne(20)));
        MessageExt again = inbox.takeOne(30);
        Check.equal("again", "wanted 1", Check.text(again) + " " + again.getReconsumeTimes());
    }

    /** A consumer with an expression that cannot be read does not start, and hears why. */
    static void wrongExpression(Lab lab) throws Exception {
        String topic = lab.topic(1);
        for (String wrong : List.of("price >", "price > 'x'", "price BETWEEN 5 AND 4", "price = NULL", "price ? 5", "5")) {
            var consumer = lab.consumer(lab.createGroup(lab.unique("g" + Math.abs(wrong.hashCode()))), lab.unique("sql" + wrong.hashCode()));
            consumer.registerMessageListener(new Inbox().concurrently());
            consumer.subscribe(topic, MessageSelector.bySql(wrong));
            Exception e = Check.fails(wrong, () -> {
                consumer.start();
                return "started";
            });
            Check.equal("code of " + wrong, 23, ((MQClientException) e).getResponseCode());
            Check.that("reason of " + wrong + ": " + e, e.getMessage() != null && e.getMessage().length() > 30);
        }
    }
}
