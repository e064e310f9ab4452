package interop;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** Message groups. */
final class GrpcOrdering {
    private GrpcOrdering() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("fifo", GrpcOrdering::fifo),
            new Scenario("fifo-simple", GrpcOrdering::fifoSimple),
            new Scenario("fifo-retry", GrpcOrdering::fifoRetry),
            new Scenario("fifo-dead-letter", GrpcOrdering::fifoDeadLetter));
    }

    static void send(Producer producer, String topic, int groups, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            for (int group = 0; group < groups; group++) {
                producer.send(Sdk.message(topic, group + ":" + String.format("%04d", i)).setMessageGroup("group-" + group).build());
            }
        }
    }

    /** Each message group came whole and in order. */
    static void inOrder(List<MessageView> got, int groups, int count) {
        Map<String, List<String>> byGroup = got.stream().collect(Collectors.groupingBy(view -> view.getMessageGroup().orElse("none"),
            Collectors.mapping(Sdk::text, Collectors.toList())));
        Check.equal("groups", groups, byGroup.size());
        for (int group = 0; group < groups; group++) {
            Check.equal("order of group " + group, Lab.numbered(group + ":", count), byGroup.get("group-" + group));
        }
    }

    static void fifo(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "FIFO");
        Sdk.Views views = sdk.push(topic, sdk.group(16, true));
        send(sdk.producer(topic), topic, 5, 20);
        inOrder(views.take(100, 60), 5, 20);
        views.nothing(500);
    }

    /** What is not acknowledged holds back what follows it in its queue. */
    static void fifoSimple(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "FIFO");
        Producer producer = sdk.producer(topic);
        SimpleConsumer consumer = sdk.simple(topic, sdk.group(16, true));
        send(producer, topic, 1, 2);
        List<MessageView> first = Sdk.receive(consumer, 2, 60);
        Check.equal("first", Lab.numbered("0:", 2), Sdk.texts(first));
        producer.send(Sdk.message(topic, "0:0002").setMessageGroup("group-0").build());
        Sdk.nothing(consumer);
        consumer.ack(first.get(0));
        consumer.ack(first.get(1));
        MessageView next = Sdk.receiveOne(consumer, 60);
        Check.equal("next", "0:0002", Sdk.text(next));
        consumer.ack(next);
    }

    /** One that fails is tried again before its successors; the client does so by itself, and says which attempt it is. */
    static void fifoRetry(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "FIFO");
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        Sdk.Views views = sdk.push(topic, sdk.group(16, true), view ->
            Sdk.text(view).equals("0:0001") && seen.merge("0:0001", 1, Integer::sum) == 1 ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS);
        send(sdk.producer(topic), topic, 1, 4);
        List<MessageView> got = views.take(5, 60);
        Check.equal("order", List.of("0:0000", "0:0001", "0:0001", "0:0002", "0:0003"), Sdk.texts(got));
        views.nothing(500);
    }

    /** One that fails to the end goes to the dead letters, and its successors come. */
    static void fifoDeadLetter(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "FIFO");
        String group = sdk.group(1, true);
        Sdk.Views views = sdk.push(topic, group, view -> Sdk.text(view).equals("0:0000") ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS);
        send(sdk.producer(topic), topic, 1, 2);
        Check.equal("order", List.of("0:0000", "0:0000", "0:0001"), Sdk.texts(views.take(3, 60)));
        lab.cluster.driver().ask("dead-letter " + group + " " + topic + " 0:0000");
        views.nothing(500);
    }
}
