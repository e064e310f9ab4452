package interop;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.subscription.ExponentialRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicyType;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What is named or done differently in the 5.x client, and the scenarios that only it has. */
final class Version {
    /** By how much a message has come back more often, says the client that gives it up, than the group may try it again in order. */
    static final int TOO_OFTEN = 1;

    private Version() {
    }

    static List<Scenario> scenarios() {
        List<Scenario> all = new ArrayList<>(Timing.scenarios());
        all.addAll(Popping.scenarios());
        all.addAll(Statics.scenarios());
        all.add(new Scenario("retry-policy", Version::retryPolicy));
        all.add(new Scenario("reset-queue", Version::resetQueue));
        all.add(new Scenario("query-by-tag", Version::queryByTag));
        all.add(new Scenario("compressed-lz4", lab -> compressed(lab, CompressionType.LZ4)));
        all.add(new Scenario("compressed-zstd", lab -> compressed(lab, CompressionType.ZSTD)));
        return all;
    }

    /** A group's own retry policy says when a message comes again. Apache's broker does not look at it: the third delay level, as ever. */
    static void retryPolicy(Lab lab) throws Exception {
        String topic = lab.topic(1);
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(lab.unique("group"));
        GroupRetryPolicy policy = new GroupRetryPolicy();
        policy.setType(GroupRetryPolicyType.EXPONENTIAL);
        policy.setExponentialRetryPolicy(new ExponentialRetryPolicy(1_000, 60_000, 5));
        config.setGroupRetryPolicy(policy);
        lab.cluster.admin().createAndUpdateSubscriptionGroupConfig(lab.cluster.broker(), config);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(config.getGroupName(), Lab.SHARED);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.failing(2, 0));
        consumer.start();
        Lab.sendAll(lab.producer(), topic, List.of("again"));
        inbox.takeOne(30);
        for (int times = 1; times <= (lab.cluster.isApache("retry-policy") ? 1 : 2); times++) {
            long failed = System.nanoTime();
            Check.equal("reconsumeTimes", times, inbox.takeOne(60).getReconsumeTimes());
            long waited = (System.nanoTime() - failed) / 1_000_000;
            if (times == 1) {
                lab.cluster.differs("retry-policy", "again when the policy says", waited < 8_000 ? "again when the policy says" : "again at the third delay level");
            }
            if (lab.cluster.isApache("retry-policy")) {
                Check.between("ms until redelivery by RocketMQ", 8_000, 60_000, waited);
            } else {
                Check.between("ms until redelivery", times == 1 ? 900 : 4_900, times == 1 ? 4_000 : 9_000, waited);
            }
        }
    }

    /** One queue of a running group goes back to an offset; the other stays where it is. */
    static void resetQueue(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        Inbox inbox = new Inbox();
        Administering.consuming(lab, topic, group, inbox);
        DefaultMQProducer producer = lab.producer();
        for (String text : Lab.numbered("q", 6)) {
            Lab.stored(producer.send(Lab.message(topic, "all", text), (queues, message, queue) -> queues.get((Integer) queue), text.charAt(4) % 2));
        }
        for (int i = 0; i < 6; i++) {
            inbox.takeOne(30);
        }
        lab.committed(topic, group, 2, 6);
        lab.cluster.admin().resetOffsetByQueueId(lab.cluster.broker(), group, topic, 1, 1);
        List<String> again = new ArrayList<>(); // the consumer's threads hand them out in any order
        for (int patience : new int[] {60, 10}) {
            MessageExt m = inbox.takeOne(patience);
            again.add(m.getQueueId() + ":" + m.getQueueOffset());
        }
        Check.equal("queues and offsets", List.of("1:1", "1:2"), again.stream().sorted().toList());
        inbox.nothing(1_000);
        lab.committed(topic, group, 2, 6);
    }

    /** Since 5.4 messages are found by their tag. */
    static void queryByTag(Lab lab) throws Exception {
        String topic = lab.topic(2);
        DefaultMQProducer producer = lab.producer();
        for (String tag : new String[] {"red", "blue", "red"}) {
            Lab.stored(producer.send(Lab.message(topic, tag, tag)));
        }
        long now = System.currentTimeMillis();
        Check.eventually("the red ones", 20, () -> {
            try {
                return lab.cluster.admin().queryMessage("DefaultCluster", topic, "red", 32, now - 60_000, now + 60_000, "T", null)
                    .getMessageList().size() == 2;
            } catch (MQClientException e) {
                return false;
            }
        });
    }

    static List<Scenario> kinds() {
        return Kinds.scenarios();
    }

    /** Those that kill the server. */
    static List<Scenario> alone() {
        return List.of(new Scenario("pop-kill", Popping::acrossKill));
    }

    private static void compressed(Lab lab, CompressionType type) throws Exception {
        DefaultMQProducer producer = lab.producer();
        producer.setCompressType(type);
        Sending.sendCompressible(lab, producer);
    }

    static void createGroup(DefaultMQAdminExt admin, String broker, String group) throws Exception {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static void broadcast(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setEnableTrace(true);
        return consumer;
    }
}
