package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.LitePushConsumer;
import org.apache.rocketmq.client.apis.consumer.OffsetOption;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** What only this client can do so far: messages with a priority, and lite topics. And what every one does that nobody told anything: TLS. */
final class GrpcNewer {
    private GrpcNewer() {
    }

    static List<Scenario> scenarios() {
        return List.of(new Scenario("priority", GrpcNewer::priority), new Scenario("lite", GrpcNewer::lite),
            new Scenario("wildcard", GrpcNewer::wildcard), new Scenario("tls", GrpcNewer::tls));
    }

    /** Each arrives with its priority; a topic for others takes none. */
    static void priority(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "PRIORITY");
        Producer producer = sdk.producer(topic);
        List<String> want = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            want.add(i + " " + i % 3);
            producer.send(Sdk.message(topic, "" + i).setPriority(i % 3).addProperty("name", "value").build());
        }
        List<String> got = new ArrayList<>();
        for (MessageView view : sdk.push(topic, sdk.group()).take(12, 40)) {
            got.add(Sdk.text(view) + " " + view.getPriority().map(String::valueOf).orElse("none"));
            Check.equal("properties", "{name=value}", view.getProperties().toString());
        }
        Check.equal("received", new TreeSet<>(want), new TreeSet<>(got));
        Check.fails("without a priority", () -> producer.send(Sdk.message(topic, "x").build()));
        String normal = sdk.topic("normal", 1, "NORMAL");
        Check.fails("to a topic for ordinary messages", () -> producer.send(Sdk.message(normal, "x").setPriority(1).build()));
    }

    /** A consumer reads the lite topics that it has subscribed to, each in its order, and no longer one that it has left. */
    static void lite(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "LITE");
        Sdk.Views views = new Sdk.Views();
        LitePushConsumer consumer = sdk.lite(topic, sdk.liteGroup(topic), views);
        Producer producer = sdk.producer(topic);
        for (int i = 0; i < 6; i++) {
            for (String room : List.of("room-1", "room-2", "room-3")) {
                producer.send(Sdk.message(topic, room + " " + i).setLiteTopic(room).addProperty("name", "value").build());
            }
        }
        consumer.subscribeLite("room-1", OffsetOption.MIN_OFFSET);
        consumer.subscribeLite("room-2", OffsetOption.MIN_OFFSET);
        Check.equal("lite topics", new TreeSet<>(List.of("room-1", "room-2")), new TreeSet<>(consumer.getLiteTopicSet()));
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        for (MessageView view : views.take(12, 40)) {
            String room = view.getLiteTopic().orElse("none");
            (room.equals("room-1") ? first : second).add(room + ": " + Sdk.text(view));
            Check.equal("topic", topic, view.getTopic());
            Check.equal("property", "value", view.getProperties().get("name")); // Apache shows INNER_MULTI_DISPATCH, too
            Check.equal("attempt", 1, view.getDeliveryAttempt());
        }
        for (int i = 0; i < 6; i++) {
            Check.equal("of the first", "room-1: room-1 " + i, first.get(i));
            Check.equal("of the second", "room-2: room-2 " + i, second.get(i));
        }
        consumer.unsubscribeLite("room-1");
        producer.send(Sdk.message(topic, "unread").setLiteTopic("room-1").build());
        producer.send(Sdk.message(topic, "read").setLiteTopic("room-2").build());
        Check.equal("after leaving the first", "read", Sdk.text(views.takeOne(40)));
        views.nothing(3000);
        consumer.subscribeLite("room-1");
        Check.equal("back in the first", "unread", Sdk.text(views.takeOne(40)));
        Check.fails("without a lite topic", () -> producer.send(Sdk.message(topic, "x").build()));
    }

    /** A group with lite.sub.wildcard reads all lite topics of its topic, each in its order, and those that come later; its consumers name none. */
    static void wildcard(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "LITE");
        Sdk.Views views = new Sdk.Views();
        LitePushConsumer consumer = sdk.lite(topic, sdk.wildcardGroup(topic), views);
        Producer producer = sdk.producer(topic);
        Check.fails("to name a lite topic", () -> {
            consumer.subscribeLite("room-1");
            return null;
        });
        java.util.Map<String, List<String>> got = new java.util.TreeMap<>();
        for (int i = 0; i < 4; i++) {
            for (String room : List.of("room-1", "room-2", "room-3")) {
                producer.send(Sdk.message(topic, room + " " + i).setLiteTopic(room).build());
            }
        }
        for (MessageView view : views.take(12, 60)) {
            got.computeIfAbsent(view.getLiteTopic().orElse("none"), room -> new ArrayList<>()).add(Sdk.text(view));
        }
        for (String room : List.of("room-1", "room-2", "room-3")) {
            Check.equal("of " + room, List.of(room + " 0", room + " 1", room + " 2", room + " 3"), got.get(room));
        }
        producer.send(Sdk.message(topic, "late").setLiteTopic("room-4").build());
        Check.equal("of one that came later", "late", Sdk.text(views.takeOne(60)));
        views.nothing(2000);
    }

    static void tls(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Sdk.Views views = new Sdk.Views();
        PushConsumer consumer = Sdk.PROVIDER.newPushConsumerBuilder().setClientConfiguration(sdk.configuration(true)).setConsumerGroup(sdk.group())
            .setSubscriptionExpressions(java.util.Map.of(topic, FilterExpression.SUB_ALL)).setMessageListener(view -> {
                views.add(view);
                return ConsumeResult.SUCCESS;
            }).build();
        lab.atEnd(() -> new Thread(() -> Sdk.close(consumer)).start());
        try (Producer producer = Sdk.PROVIDER.newProducerBuilder().setClientConfiguration(sdk.configuration(true)).setTopics(topic).build()) {
            producer.send(Sdk.message(topic, "secret").build());
        }
        Check.equal("received", "secret", Sdk.text(views.takeOne(40)));
    }
}
