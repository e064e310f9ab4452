package interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** Consumers: who gets what, how often, and until when nobody else does. */
final class GrpcSharing {
    private GrpcSharing() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("push-retry", GrpcSharing::pushRetry),
            new Scenario("dead-letter", GrpcSharing::deadLetter),
            new Scenario("redelivery", GrpcSharing::redelivery),
            new Scenario("change-invisible", GrpcSharing::changeInvisible),
            new Scenario("ack-batch", GrpcSharing::ackBatch),
            new Scenario("clustering", GrpcSharing::clustering),
            new Scenario("tag-filter", GrpcSharing::tagFilter),
            new Scenario("sql-filter", GrpcSharing::sqlFilter),
            new Scenario("unasked-group", GrpcSharing::unaskedGroup));
    }

    /** Those that measure time, or kill the server. */
    static List<Scenario> alone() {
        return List.of(new Scenario("long-poll", GrpcSharing::longPoll), new Scenario("kill-and-resume", GrpcSharing::killAndResume));
    }

    /** What failed comes again, after the delays that the server told the client, with its attempt counted. */
    static void pushRetry(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Sdk.Views views = sdk.push(topic, sdk.group(), view -> view.getDeliveryAttempt() < 3 ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS);
        sdk.producer(topic).send(Sdk.message(topic, "again").setTag("tag").setKeys("key").addProperty("name", "value").build());
        long[] delays = {0, 0, 0};
        long before = 0;
        for (int attempt = 1; attempt <= 3; attempt++) {
            MessageView got = views.takeOne(60);
            Check.equal("attempt", attempt, got.getDeliveryAttempt());
            Check.equal("text, tag, keys, properties", "again tag [key] {name=value}",
                Sdk.text(got) + " " + got.getTag().orElse(null) + " " + got.getKeys() + " " + got.getProperties());
            Check.equal("topic", topic, got.getTopic());
            delays[attempt - 1] = views.at(got) - before;
            before = views.at(got);
        }
        Check.between("ms to the second attempt", 800, 8_000, delays[1]); // one second
        Check.between("ms to the third attempt", 4_500, 12_000, delays[2]); // five
        views.nothing(1_000);
    }

    static void deadLetter(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        String group = sdk.group(1, false);
        Sdk.Views views = sdk.push(topic, group, view -> ConsumeResult.FAILURE);
        sdk.producer(topic).send(Sdk.message(topic, "dying").build());
        Check.equal("first attempt", 1, views.takeOne(30).getDeliveryAttempt());
        Check.equal("second attempt", 2, views.takeOne(30).getDeliveryAttempt());
        lab.cluster.driver().ask("dead-letter " + group + " " + topic + " dying");
        views.nothing(1_000);
    }

    static void redelivery(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Producer producer = sdk.producer(topic);
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        producer.send(Sdk.message(topic, "again").build());
        MessageView first = Sdk.receiveOne(consumer, 10);
        long start = System.nanoTime();
        Check.equal("first attempt", 1, first.getDeliveryAttempt());
        MessageView second = Sdk.receiveOne(consumer, 10);
        long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        Check.equal("second", "again 2", Sdk.text(second) + " " + second.getDeliveryAttempt());
        Check.equal("id", first.getMessageId(), second.getMessageId());
        Check.between("ms invisible", 9_500, 16_000, waited);
        Check.equal("old handle", 40013, Sdk.code("old handle", () -> {
            consumer.ack(first);
            return "acknowledged";
        }));
        consumer.ack(second);
        Check.equal("invisible for a second", 40011, Sdk.code("invisible for a second", () -> consumer.receive(1, Duration.ofSeconds(1))));
    }

    /** Shorter and longer; the handle that the answer carries is the valid one. */
    static void changeInvisible(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Producer producer = sdk.producer(topic);
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        producer.send(Sdk.message(topic, "again").build());
        MessageView first = Sdk.receiveOne(consumer, 60);
        consumer.changeInvisibleDuration(first, Duration.ofSeconds(1));
        MessageView second = Sdk.receiveOne(consumer, 10);
        Check.equal("attempt", 2, second.getDeliveryAttempt());
        consumer.changeInvisibleDuration(second, Duration.ofSeconds(30));
        Sdk.nothing(consumer);
        Sdk.nothing(consumer);
        consumer.ack(second); // with the handle of the change
        producer.send(Sdk.message(topic, "other").build());
        MessageView other = Sdk.receiveOne(consumer, 30);
        Check.equal("text", "other", Sdk.text(other));
        consumer.ack(other);
    }

    /** Half of what came is acknowledged, the other half comes again. */
    static void ackBatch(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        Sdk.sendAll(sdk.producer(topic), topic, Lab.numbered("batch-", 20));
        List<MessageView> got = Sdk.receive(consumer, 20, 10);
        List<CompletableFuture<Void>> acks = new ArrayList<>();
        TreeSet<String> rest = new TreeSet<>();
        for (int i = 0; i < got.size(); i++) {
            if (i % 2 == 0) {
                acks.add(consumer.ackAsync(got.get(i)));
            } else {
                rest.add(Sdk.text(got.get(i)));
            }
        }
        for (CompletableFuture<Void> ack : acks) {
            ack.get(10, TimeUnit.SECONDS);
        }
        List<MessageView> again = Sdk.receive(consumer, rest.size(), 30);
        Check.equal("again", rest, Sdk.sorted(again));
        for (MessageView view : again) {
            Check.equal("attempt of " + Sdk.text(view), 2, view.getDeliveryAttempt());
            consumer.ack(view);
        }
        Sdk.nothing(consumer);
    }

    /** Two members share, and the one that stays gets all when the other has gone. */
    static void clustering(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "NORMAL");
        String group = sdk.group();
        Sdk.Views left = sdk.push(topic, group);
        Sdk.Views right = sdk.push(topic, group);
        Producer producer = sdk.producer(topic);
        Sdk.sendAll(producer, topic, Lab.numbered("both-", 100));
        Check.eventually("100 arrived", 40, () -> left.size() + right.size() >= 100);
        List<MessageView> got = new ArrayList<>(left.take(left.size(), 1));
        got.addAll(right.take(right.size(), 1));
        Check.equal("received", new TreeSet<>(Lab.numbered("both-", 100)), Sdk.sorted(got));
        Check.equal("in all", 100, got.size());
        right.close.run();
        Sdk.sendAll(producer, topic, Lab.numbered("alone-", 20));
        Check.equal("alone", new TreeSet<>(Lab.numbered("alone-", 20)), Sdk.sorted(left.take(20, 60)));
        left.nothing(300);
        right.nothing(1);
    }

    static void tagFilter(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(2, "NORMAL");
        Sdk.Views views = sdk.push(topic, sdk.group(), new FilterExpression("red || blue", FilterExpressionType.TAG), view -> ConsumeResult.SUCCESS);
        Producer producer = sdk.producer(topic);
        for (String tag : List.of("red", "green", "blue", "Aa", "BB", "red")) {
            producer.send(Sdk.message(topic, tag).setTag(tag).build());
        }
        producer.send(Sdk.message(topic, "none").build());
        Check.equal("received", List.of("blue", "red", "red"), Sdk.texts(views.take(3, 30)).stream().sorted().toList());
        views.nothing(1_000);
        lab.cluster.driver().ask("group " + lab.unique("simple") + " 16");
        SimpleConsumer consumer = sdk.simple(topic, lab.unique("simple"), new FilterExpression("BB", FilterExpressionType.TAG));
        MessageView got = Sdk.receiveOne(consumer, 30); // its hash is that of Aa
        Check.equal("of one hash", "BB", Sdk.text(got));
        consumer.ack(got);
        Sdk.nothing(consumer);
    }

    static void sqlFilter(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(2, "NORMAL");
        Producer producer = sdk.producer(topic);
        String group = sdk.group();
        Sdk.Views views = sdk.push(topic, group, new FilterExpression("price > 7 AND TAGS = 'vip'", FilterExpressionType.SQL92), view -> ConsumeResult.SUCCESS);
        for (int price = 0; price < 10; price++) {
            producer.send(Sdk.message(topic, "vip-" + price).setTag("vip").addProperty("price", "" + price).build());
            producer.send(Sdk.message(topic, "other-" + price).addProperty("price", "" + price).build());
        }
        Check.equal("received", List.of("vip-8", "vip-9"), Sdk.texts(views.take(2, 30)).stream().sorted().toList());
        views.nothing(1_000);
        lab.cluster.driver().ask("group " + lab.unique("simple") + " 16");
        SimpleConsumer consumer = sdk.simple(topic, lab.unique("simple"), new FilterExpression("price = 3", FilterExpressionType.SQL92));
        Check.equal("received", List.of("other-3", "vip-3"), Sdk.texts(Sdk.receive(consumer, 2, 30)).stream().sorted().toList());
        lab.cluster.driver().ask("group " + lab.unique("wrong") + " 16");
        int code = Sdk.code("wrong expression", () ->
            sdk.simple(topic, lab.unique("wrong"), new FilterExpression("price >", FilterExpressionType.SQL92)).receive(1, Duration.ofSeconds(30)));
        if (System.getenv("INTEROP_PROXY") == null) {
            lab.cluster.differs("grpc-wrong-expression", 40010, code);
        } else { // ours is in front, and decides
            Check.equal("wrong expression", 40010, code);
        }
    }

    /** A group that nobody made is made when it is first used. */
    static void unaskedGroup(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Sdk.Views views = sdk.push(topic, lab.unique("unasked"));
        sdk.producer(topic).send(Sdk.message(topic, "here").build());
        Check.equal("received", "here", Sdk.text(views.takeOne(40)));
    }

    /** Each message reaches a waiting consumer within a second. */
    static void longPoll(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Producer producer = sdk.producer(topic);
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        producer.send(Sdk.message(topic, "warm").build());
        consumer.ack(Sdk.receiveOne(consumer, 30));
        for (int i = 0; i < 5; i++) {
            CompletableFuture<List<MessageView>> waiting = consumer.receiveAsync(1, Duration.ofSeconds(30));
            TimeUnit.MILLISECONDS.sleep(300);
            long start = System.nanoTime();
            producer.send(Sdk.message(topic, "prompt").build());
            MessageView got = waiting.get(10, TimeUnit.SECONDS).get(0);
            Check.between("ms", 0, 1_000, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
            consumer.ack(got);
        }
        long start = System.nanoTime();
        Sdk.nothing(consumer);
        Check.between("ms in vain", 4_500, 8_000, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    }

    /** What was not read outlives kill -9 of the server, and both clients go on by themselves. */
    static void killAndResume(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(2, "NORMAL");
        Sdk.Views views = sdk.push(topic, sdk.group());
        Producer producer = sdk.producer(topic);
        Sdk.sendAll(producer, topic, Lab.numbered("before-", 10));
        Check.equal("before", new TreeSet<>(Lab.numbered("before-", 10)), Sdk.sorted(views.take(10, 30)));
        lab.cluster.driver().ask("restart");
        Check.eventually("sent after the restart", 60, () -> {
            try {
                producer.send(Sdk.message(topic, "after").build());
                return true;
            } catch (ClientException e) {
                return false;
            }
        });
        Check.eventually("received after the restart", 60, () -> Sdk.text(views.takeOne(60)).equals("after"));
    }
}
