package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.statictopic.LogicQueueMappingItem;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicQueueMappingDetail;

/** Static topics all of whose queues lie on one broker. Clients know the queues under a broker that there is not. */
final class Statics {
    private static final String NOBODY = "__syslo__global__";

    private Statics() {
    }

    static List<Scenario> scenarios() {
        return List.of(new Scenario("static-topic", Statics::oneBroker), new Scenario("static-topic-again", Statics::retry));
    }

    private static String brokerName(Lab lab) throws Exception {
        return lab.cluster.admin().examineBrokerClusterInfo().getBrokerAddrTable().keySet().iterator().next();
    }

    /** Makes the topic or changes it, as mqadmin updateStaticTopic does. */
    private static void put(Lab lab, String topic, int queues, long epoch) throws Exception {
        String broker = brokerName(lab);
        TopicQueueMappingDetail detail = new TopicQueueMappingDetail(topic, queues, broker, epoch);
        for (int i = 0; i < queues; i++) {
            TopicQueueMappingDetail.putMappingInfo(detail, i, new ArrayList<>(List.of(new LogicQueueMappingItem(0, i, broker, 0, 0, -1, -1, -1))));
        }
        lab.cluster.admin().createStaticTopic(lab.cluster.broker(), "TBW102", new TopicConfig(topic, queues, queues), detail, false);
    }

    /** The topic's queues in their order, as soon as the route has that many. */
    private static List<MessageQueue> queues(DefaultMQProducer producer, String topic, int count) {
        AtomicReference<List<MessageQueue>> queues = new AtomicReference<>();
        Check.eventually(count + " queues", 30, () -> {
            queues.set(producer.fetchPublishMessageQueues(topic).stream().sorted().toList());
            return queues.get().size() == count;
        });
        for (int i = 0; i < count; i++) {
            Check.equal("queue", new MessageQueue(topic, NOBODY, i), queues.get().get(i));
        }
        return queues.get();
    }

    private static void send(DefaultMQProducer producer, MessageQueue queue, String text, long offset) throws Exception {
        SendResult sent = Lab.stored(producer.send(Lab.message(queue.getTopic(), "all", text), queue));
        Check.equal("queue of " + text, queue.getQueueId(), sent.getMessageQueue().getQueueId());
        Check.equal("offset of " + text, offset, sent.getQueueOffset());
    }

    static void oneBroker(Lab lab) throws Exception {
        String topic = lab.unique("topic");
        put(lab, topic, 3, 1_000);
        DefaultMQProducer producer = lab.producer();
        List<MessageQueue> queues = queues(producer, topic, 3);
        for (int i = 0; i < 9; i++) {
            send(producer, queues.get(i % 3), "m" + i, i / 3);
        }

        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        Check.equal("the reader's queues", new TreeSet<>(queues), new TreeSet<>(reader.fetchSubscribeMessageQueues(topic)));
        MessageQueue last = queues.get(2);
        Check.equal("bounds", "0..3", reader.minOffset(last) + ".." + reader.maxOffset(last));
        Check.equal("by time", 0L, reader.searchOffset(last, 0));
        PullResult page = reader.pull(last, "*", 1, 32);
        Check.equal("pull", PullStatus.FOUND + " [m5, m8] 3", page.getPullStatus() + " " + Check.texts(page.getMsgFoundList()) + " " + page.getNextBeginOffset());
        Check.equal("offset of what was pulled", 1L, page.getMsgFoundList().get(0).getQueueOffset());

        String group = lab.group();
        Inbox inbox = lab.consume(topic, group, Lab.SHARED);
        inbox.take(9, 40);
        lab.committed(topic, group, 3, 9);
        Check.equal("statistics", 3L, lab.cluster.admin().examineTopicStats(topic).getOffsetTable().get(last).getMaxOffset());

        Inbox ordered = new Inbox();
        DefaultMQPushConsumer orderly = lab.consumer(lab.createGroup(lab.unique("orderly")), lab.unique("orderly"));
        orderly.subscribe(topic, "*");
        orderly.registerMessageListener(ordered.orderly());
        orderly.start();
        List<MessageExt> got = ordered.take(9, 60);
        for (int id = 0; id < 3; id++) {
            int queue = id;
            Check.equal("order in queue " + id, List.of("m" + id, "m" + (id + 3), "m" + (id + 6)),
                Check.texts(got.stream().filter(m -> m.getQueueId() == queue).toList()));
        }

        // It grows under those who use it, and is remapped to where it lies.
        put(lab, topic, 5, 2_000);
        queues = queues(producer, topic, 5);
        put(lab, topic, 5, 3_000);
        MQClientInstance clients = producer.getDefaultMQProducerImpl().getMqClientFactory();
        Check.eventually("the new queue", 30, () -> {
            clients.updateTopicRouteInfoFromNameServer(topic);
            clients.rebalanceImmediately();
            return producer.getDefaultMQProducerImpl().getTopicPublishInfoTable().get(topic).getMessageQueueList().size() == 5;
        });
        send(producer, queues.get(4), "grown", 0);
        Check.equal("from the new queue", "grown 4", inbox.take(1, 60).stream().map(m -> Check.text(m) + " " + m.getQueueId()).toList().get(0));

        Exception refused = Check.fails("an earlier epoch", () -> {
            put(lab, topic, 5, 2_500);
            return null;
        });
        Check.equal("code", 1, ((MQBrokerException) refused).getResponseCode());
    }

    /** What failed comes again, by a send of the client to the retry topic: no broker has the name that it knows. */
    static void retry(Lab lab) throws Exception {
        String topic = lab.unique("topic");
        put(lab, topic, 2, 1_000);
        DefaultMQProducer producer = lab.producer();
        List<MessageQueue> queues = queues(producer, topic, 2);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(lab.group(), Lab.SHARED);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.failing(1, 1));
        consumer.start();
        send(producer, queues.get(1), "again", 0);
        Check.equal("first", 0, inbox.takeOne(40).getReconsumeTimes());
        MessageExt again = inbox.takeOne(60);
        Check.equal("again", "again " + topic + " 1", Check.text(again) + " " + again.getTopic() + " " + again.getReconsumeTimes());
    }
}
