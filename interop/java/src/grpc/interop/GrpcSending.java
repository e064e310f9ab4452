package interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;

/** What is sent over gRPC: its kinds, its refusals, and that it arrives unchanged. */
final class GrpcSending {
    private static final int BODY_LIMIT = 4 * 1024 * 1024;
    private static final int LATE = 5_000;

    private GrpcSending() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("normal", GrpcSending::normal),
            new Scenario("properties", GrpcSending::properties),
            new Scenario("traceparent", GrpcSending::traceparent),
            new Scenario("async", GrpcSending::async),
            new Scenario("delay", GrpcSending::delay),
            new Scenario("recall", GrpcSending::recall),
            new Scenario("wrong-topic", GrpcSending::wrongTopic),
            new Scenario("wrong-type", GrpcSending::wrongType),
            new Scenario("body-at-limit", GrpcSending::bodyAtLimit),
            new Scenario("body-over-limit", GrpcSending::bodyOverLimit),
            new Scenario("refused-properties", GrpcSending::refusedProperties));
    }

    static void normal(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "NORMAL");
        Sdk.Views views = sdk.push(topic, sdk.group());
        Producer producer = sdk.producer(topic);
        TreeSet<String> ids = new TreeSet<>();
        List<String> texts = Lab.numbered("normal-", 50);
        for (String text : texts) {
            SendReceipt receipt = producer.send(Sdk.message(topic, text).build());
            ids.add(receipt.getMessageId().toString());
        }
        List<MessageView> got = views.take(50, 40);
        Check.equal("received", new TreeSet<>(texts), Sdk.sorted(got));
        TreeSet<String> gotIds = new TreeSet<>();
        got.forEach(view -> gotIds.add(view.getMessageId().toString()));
        Check.equal("message ids", ids, gotIds);
        views.nothing(500);
    }

    static void properties(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        long before = System.currentTimeMillis();
        SendReceipt receipt = sdk.producer(topic).send(Sdk.message(topic, "text ü 火 🚀").setTag("the-tag").setKeys("key-1", "key-2")
            .addProperty("plain", "value").addProperty("unicode", "ü 火 🚀").addProperty("punctuation", "a=b;c|d\\e\"f").build());
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        MessageView got = Sdk.receiveOne(consumer, 30);
        consumer.ack(got);
        Check.equal("body", "text ü 火 🚀", Sdk.text(got));
        Check.equal("topic", topic, got.getTopic());
        Check.equal("tag", "the-tag", got.getTag().orElse(null));
        Check.equal("keys", List.of("key-1", "key-2"), new ArrayList<>(got.getKeys()));
        Check.equal("properties", new java.util.TreeMap<>(java.util.Map.of("plain", "value", "unicode", "ü 火 🚀", "punctuation", "a=b;c|d\\e\"f")),
            new java.util.TreeMap<>(got.getProperties()));
        Check.equal("id", receipt.getMessageId(), got.getMessageId());
        Check.equal("delivery attempt", 1, got.getDeliveryAttempt());
        Check.equal("group", false, got.getMessageGroup().isPresent());
        Check.equal("delivery time", false, got.getDeliveryTimestamp().isPresent());
        Check.between("born", before - 1, System.currentTimeMillis(), got.getBornTimestamp());
        Check.that("born host " + got.getBornHost(), !got.getBornHost().isEmpty());
    }

    /** The context of a trace arrives as it was sent; TestJavaGrpcSpans looks for it in spans. */
    static void traceparent(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        String parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        sdk.producer(topic).send(Sdk.message(topic, "traced").addProperty("traceparent", parent).build());
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        MessageView got = Sdk.receiveOne(consumer, 30);
        consumer.ack(got);
        Check.equal("traceparent", parent, got.getProperties().get("traceparent"));
    }

    static void async(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "NORMAL");
        Producer producer = sdk.producer(topic);
        List<String> texts = Lab.numbered("async-", 100);
        List<CompletableFuture<SendReceipt>> futures = new ArrayList<>();
        for (String text : texts) {
            futures.add(producer.sendAsync(Sdk.message(topic, text).build()));
        }
        for (CompletableFuture<SendReceipt> future : futures) {
            Check.that("id", !future.get(20, TimeUnit.SECONDS).getMessageId().toString().isEmpty());
        }
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        List<MessageView> got = Sdk.receive(consumer, 100, 60);
        Check.equal("received", new TreeSet<>(texts), Sdk.sorted(got));
        for (CompletableFuture<Void> ack : got.stream().map(consumer::ackAsync).toList()) {
            ack.get(20, TimeUnit.SECONDS);
        }
    }

    /** None comes early, none late; a time that has passed means now. */
    static void delay(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "DELAY");
        Sdk.Views views = sdk.push(topic, sdk.group());
        Producer producer = sdk.producer(topic);
        long now = System.currentTimeMillis();
        long[] due = {now - 5_000, now + 4_000, now + 6_500, now + 9_000};
        for (int i : new int[] {3, 1, 0, 2}) {
            producer.send(Sdk.message(topic, "" + i).setDeliveryTimestamp(due[i]).build());
        }
        for (int i = 0; i < due.length; i++) {
            MessageView got = views.takeOne(30);
            Check.equal("order", "" + i, Sdk.text(got));
            if (i > 0) {
                Check.between("ms late of " + i, lab.cluster.isApache("early") ? -1_000 : 0, LATE, views.at(got) - due[i]);
                Check.between("delivery time off by", -1_000, 1_000, got.getDeliveryTimestamp().orElse(0L) - due[i]);
            }
        }
        Check.equal("20 years", 40012, Sdk.code("20 years",
            () -> producer.send(Sdk.message(topic, "x").setDeliveryTimestamp(now + 20 * 365 * 24 * 3_600_000L).build())));
        views.nothing(500);
    }

    static void recall(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "DELAY");
        Sdk.Views views = sdk.push(topic, sdk.group());
        Producer producer = sdk.producer(topic);
        long when = System.currentTimeMillis() + 5_000;
        SendReceipt gone = producer.send(Sdk.message(topic, "gone").setDeliveryTimestamp(when).build());
        SendReceipt kept = producer.send(Sdk.message(topic, "kept").setDeliveryTimestamp(when).build());
        Check.that("handles " + gone.getRecallHandle() + " " + kept.getRecallHandle(),
            !gone.getRecallHandle().isEmpty() && !gone.getRecallHandle().equals(kept.getRecallHandle()));
        Check.equal("recalled", gone.getMessageId(), producer.recallMessage(topic, gone.getRecallHandle()).getMessageId());
        Check.equal("wrong handle", 50001, Sdk.code("wrong handle", () -> producer.recallMessage(topic, "nonsense")));
        Check.equal("delivered", "kept", Sdk.text(views.takeOne(30)));
        views.nothing(2_000);
        Check.equal("too late", 50001, Sdk.code("too late", () -> producer.recallMessage(topic, kept.getRecallHandle())));
    }

    static void wrongTopic(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = lab.unique("absent");
        Producer producer = sdk.producer();
        Check.equal("absent", 40402, Sdk.code("absent", () -> producer.send(Sdk.message(topic, "x").build())));
        Check.equal("system", 40002, Sdk.code("system", () -> producer.send(Sdk.message("TBW102", "x").build())));
        String group = sdk.group();
        Check.equal("consumer", 40402, Sdk.code("consumer", () -> sdk.simple(topic, group)));
    }

    /** The client looks at the topic's types itself; what it is told must be right for each. GrpcGo asks the server. */
    static void wrongType(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String[] types = {"NORMAL", "FIFO", "DELAY"};
        Producer producer = sdk.producer();
        for (String type : types) {
            String topic = sdk.topic(type.toLowerCase(), 1, type);
            for (String of : types) {
                Message message = ofType(topic, of);
                if (of.equals(type)) {
                    producer.send(message);
                } else {
                    Exception e = Check.fails(of + " to " + type, () -> producer.send(message));
                    Check.that(of + " to " + type + ": " + e, e.toString().contains("match"));
                }
            }
        }
    }

    private static Message ofType(String topic, String type) {
        switch (type) {
            case "FIFO":
                return Sdk.message(topic, type).setMessageGroup("group").build();
            case "DELAY":
                return Sdk.message(topic, type).setDeliveryTimestamp(System.currentTimeMillis() + 1_000).build();
            default:
                return Sdk.message(topic, type).build();
        }
    }

    private static byte[] noise(int size) {
        byte[] body = new byte[size];
        new Random(size).nextBytes(body);
        return body;
    }

    static void bodyAtLimit(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        sdk.producer(topic).send(Sdk.message(topic, "x").setBody(noise(BODY_LIMIT)).build());
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        MessageView got = Sdk.receiveOne(consumer, 30);
        consumer.ack(got);
        byte[] body = new byte[got.getBody().remaining()];
        got.getBody().duplicate().get(body);
        Check.that("body is unchanged", Arrays.equals(noise(BODY_LIMIT), body));
    }

    /** The client refuses it itself, by the limit that the server told it. */
    static void bodyOverLimit(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Producer producer = sdk.producer(topic);
        Exception e = Check.fails("body over the limit", () -> producer.send(Sdk.message(topic, "x").setBody(noise(BODY_LIMIT + 1)).build()));
        Check.that("body over the limit: " + e, e.toString().contains("" + BODY_LIMIT));
        producer.send(Sdk.message(topic, "still connected").build());
    }

    static void refusedProperties(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Producer producer = sdk.producer(topic);
        var many = Sdk.message(topic, "x");
        for (int i = 0; i < 129; i++) {
            many.addProperty("p" + i, "v");
        }
        Check.equal("129 properties", 43101, Sdk.code("129 properties", () -> producer.send(many.build())));
        Check.equal("16 KiB", 43101, Sdk.code("16 KiB", () -> producer.send(Sdk.message(topic, "x").addProperty("p", "v".repeat(16 * 1024)).build())));
        Check.equal("reserved", 40007, Sdk.code("reserved", () -> producer.send(Sdk.message(topic, "x").addProperty("TAGS", "v").build())));
        producer.send(Sdk.message(topic, "x").addProperty("p", "v".repeat(16 * 1024 - 100)).build());
    }
}
