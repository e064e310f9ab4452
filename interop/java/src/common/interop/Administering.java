package interop;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What administrators ask of consumers, and do to their offsets, by the official admin client. */
final class Administering {
    private Administering() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("consume-directly", Administering::consumeDirectly),
            new Scenario("running-info", Administering::runningInfo),
            new Scenario("query-time-range", Administering::queryTimeRange),
            new Scenario("reset-online", Administering::resetOnline),
            new Scenario("reset-offline", Administering::resetOffline),
            new Scenario("consume-status", Administering::consumeStatus),
            new Scenario("clone-offsets", Administering::cloneOffsets));
    }

    /** A started consumer of everything in the topic, whose client id is known. */
    static DefaultMQPushConsumer consuming(Lab lab, String topic, String group, Inbox inbox) throws Exception {
        DefaultMQPushConsumer consumer = lab.consumer(group, lab.unique("consuming"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return consumer;
    }

    /** A message that a consumer has had already is handed to it again, without its offset moving. */
    static void consumeDirectly(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consuming(lab, topic, group, inbox);
        SendResult sent = Lab.stored(lab.producer().send(Lab.message(topic, "all", "again")));
        inbox.takeOne(30);
        var result = lab.cluster.admin().consumeMessageDirectly(group, consumer.buildMQClientId(), topic, sent.getOffsetMsgId());
        Check.equal("result", "CR_SUCCESS", result.getConsumeResult().name());
        MessageExt again = inbox.takeOne(10);
        Check.equal("body", "again", Check.text(again));
        Check.equal("unique id", sent.getMsgId(), again.getProperty("UNIQ_KEY"));
        inbox.nothing(500);
        Check.fails("of nobody", () -> lab.cluster.admin().consumeMessageDirectly(group, "nobody@here", topic, sent.getOffsetMsgId()));
    }

    static void runningInfo(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        DefaultMQPushConsumer consumer = consuming(lab, topic, group, new Inbox());
        DefaultMQProducer producer = lab.start(new DefaultMQProducer(lab.unique("connected")), lab.unique("connected"));
        Lab.sendAll(producer, topic, List.of("one"));
        DefaultMQAdminExt admin = lab.cluster.admin();
        Check.eventually("the consumer's queue in its running info", 30,
            () -> !admin.getConsumerRunningInfo(group, consumer.buildMQClientId(), false).getMqTable().isEmpty());
        var info = admin.getConsumerRunningInfo(group, consumer.buildMQClientId(), true);
        Check.that("stack traces", info.getJstack() != null && !info.getJstack().isEmpty());
        Check.that("its subscription", info.getSubscriptionSet().stream().anyMatch(s -> s.getTopic().equals(topic) && s.getSubString().equals("*")));
        var members = admin.examineConsumerConnectionInfo(group);
        Check.equal("members", 1, members.getConnectionSet().size());
        Check.equal("member", consumer.buildMQClientId(), members.getConnectionSet().iterator().next().getClientId());
        Check.that("subscription", members.getSubscriptionTable().containsKey(topic));
        Check.equal("model", "CLUSTERING", members.getMessageModel().name());
        Check.eventually("the producer among the connections", 40, () -> {
            try {
                return admin.examineProducerConnectionInfo(producer.getProducerGroup(), topic).getConnectionSet().iterator().next()
                    .getClientId().equals(producer.buildMQClientId());
            } catch (Exception e) {
                return false;
            }
        });
    }

    /** Of messages with one key those of a time range are found. RocketMQ's index files count in seconds. */
    static void queryTimeRange(Lab lab) throws Exception {
        String topic = lab.topic(2);
        DefaultMQProducer producer = lab.producer();
        DefaultMQAdminExt admin = lab.cluster.admin();
        long[] times = new long[3];
        for (int i = 0; i < 3; i++) {
            Message message = Lab.message(topic, "all", "m" + i);
            message.setKeys("shared own" + i);
            SendResult sent = Lab.stored(producer.send(message));
            times[i] = admin.viewMessage(topic, sent.getOffsetMsgId()).getStoreTimestamp();
            Thread.sleep(2_500);
        }
        Check.eventually("all of them", 20, () -> found(admin, topic, 0, Long.MAX_VALUE).size() == 3);
        Check.equal("from the second on", List.of("m1", "m2"), found(admin, topic, times[1] - 1_200, Long.MAX_VALUE));
        Check.equal("up to the second", List.of("m0", "m1"), found(admin, topic, 0, times[1] + 1_200));
        Check.equal("the second", List.of("m1"), found(admin, topic, times[1] - 1_200, times[1] + 1_200));
    }

    private static List<String> found(DefaultMQAdminExt admin, String topic, long from, long to) {
        try {
            return admin.queryMessage(topic, "shared", 32, from, to).getMessageList().stream().map(Check::text).sorted().toList();
        } catch (Exception e) {
            return List.of();
        }
    }

    /** A running consumer goes back to the beginning, and forth to the end. */
    static void resetOnline(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        Inbox inbox = new Inbox();
        consuming(lab, topic, group, inbox);
        Lab.sendAll(lab.producer(), topic, Lab.numbered("r", 6));
        for (int i = 0; i < 6; i++) {
            inbox.takeOne(30);
        }
        lab.committed(topic, group, 2, 6);
        Map<MessageQueue, Long> to = lab.cluster.admin().resetOffsetByTimestamp(topic, group, 0, true);
        Check.equal("queues reset", 2, to.size());
        Check.that("to the beginning", new HashSet<>(to.values()).equals(new HashSet<>(List.of(0L))));
        var again = new HashSet<String>();
        for (int i = 0; i < 6; i++) {
            again.add(Check.text(inbox.takeOne(60)));
        }
        Check.equal("different messages again", 6, again.size());
        lab.committed(topic, group, 2, 6);
        inbox.nothing(1_000);
    }

    /** A group that nobody runs is set to the end, and to the beginning; the consumer that comes goes on from there. */
    static void resetOffline(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        String group = lab.group();
        Lab.sendAll(producer, topic, Lab.numbered("r", 4));
        DefaultMQAdminExt admin = lab.cluster.admin();
        admin.resetOffsetByTimestamp(topic, group, 0, true);
        admin.resetOffsetByTimestamp(topic, group, -1, true);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consuming(lab, topic, group, inbox);
        inbox.nothing(4_000);
        Lab.sendAll(producer, topic, List.of("new"));
        Check.equal("the first message", "new", Check.text(inbox.takeOne(60)));
        lab.committed(topic, group, 1, 5);
        consumer.shutdown();
        admin.resetOffsetByTimestamp(topic, group, 0, true);
        Inbox second = new Inbox();
        consuming(lab, topic, group, second);
        var all = new HashSet<String>();
        for (int i = 0; i < 5; i++) {
            all.add(Check.text(second.takeOne(60)));
        }
        Check.equal("after the second reset", 5, all.size());
    }

    /** The offsets that a member says it has, asked by way of the broker. */
    static void consumeStatus(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consuming(lab, topic, group, inbox);
        Lab.sendAll(lab.producer(), topic, List.of("one", "two"));
        inbox.takeOne(30);
        inbox.takeOne(30);
        DefaultMQAdminExt admin = lab.cluster.admin();
        Check.eventually("the member's offset", 30, () -> {
            var status = admin.getConsumeStatus(topic, group, "");
            return status.containsKey(consumer.buildMQClientId()) && status.get(consumer.buildMQClientId()).values().contains(2L);
        });
        Check.equal("of a named member", 1, admin.getConsumeStatus(topic, group, consumer.buildMQClientId()).size());
        Check.equal("of another", 0, admin.getConsumeStatus(topic, group, "nobody@here").size());
    }

    /** A group takes the offsets of another over. */
    static void cloneOffsets(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        String from = lab.group();
        String to = lab.createGroup(lab.unique("clone"));
        Lab.sendAll(producer, topic, Lab.numbered("c", 3));
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consuming(lab, topic, from, inbox);
        for (int i = 0; i < 3; i++) {
            inbox.takeOne(30);
        }
        lab.committed(topic, from, 1, 3);
        consumer.shutdown();
        lab.cluster.admin().cloneGroupOffset(from, to, topic, true);
        lab.committed(topic, to, 1, 3);
        Inbox clone = new Inbox();
        consuming(lab, topic, to, clone);
        clone.nothing(3_000);
        Lab.sendAll(producer, topic, List.of("new"));
        Check.equal("goes on", "new", Check.text(clone.takeOne(60)));
    }
}
