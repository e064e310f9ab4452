import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.admin.ConsumeStats;
import org.apache.rocketmq.remoting.protocol.body.BrokerStatsData;
import org.apache.rocketmq.remoting.protocol.body.ConsumeStatsList;
import org.apache.rocketmq.remoting.protocol.body.QueueTimeSpan;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What RocketMQ's own administrative client makes of a broker's statistics, runtime information and configuration. */
public class Operating {
    static void check(boolean good, String what) {
        if (!good) {
            throw new IllegalStateException(what);
        }
    }

    interface Attempt {
        boolean good() throws Exception;
    }

    static void eventually(String what, Attempt a) throws Exception {
        for (long end = System.currentTimeMillis() + 40_000; !a.good(); Thread.sleep(200)) {
            check(System.currentTimeMillis() < end, what);
        }
    }

    static long minute(DefaultMQAdminExt admin, String broker, String name, String key) {
        try {
            BrokerStatsData data = admin.viewBrokerStatsData(broker, name, key);
            check(data.getStatsHour() != null && data.getStatsDay() != null, name);
            return data.getStatsMinute().getSum();
        } catch (Exception e) {
            check(e.getMessage().contains("not exist"), name + ": " + e);
            return -1;
        }
    }

    public static void main(String[] args) {
        try {
            operate(args);
            System.exit(0);
        } catch (Exception e) { // the clients' threads would go on
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void operate(String[] args) throws Exception {
        String namesrv = args[0], broker = args[1], topic = "Operating", group = "GroupOperating";
        DefaultMQAdminExt admin = new DefaultMQAdminExt(5000);
        admin.setNamesrvAddr(namesrv);
        admin.start();
        admin.createAndUpdateTopicConfig(broker, new TopicConfig(topic, 1, 1));
        DefaultMQProducer producer = new DefaultMQProducer("ProducerOperating");
        producer.setNamesrvAddr(namesrv);
        producer.start();
        eventually("route", () -> {
            try {
                return !producer.fetchPublishMessageQueues(topic).isEmpty();
            } catch (Exception e) {
                return false;
            }
        });
        for (int i = 0; i < 10; i++) {
            producer.send(new Message(topic, ("m" + i).getBytes()));
        }
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        consumer.setNamesrvAddr(namesrv);
        consumer.start();
        MessageQueue queue = consumer.fetchSubscribeMessageQueues(topic).iterator().next();
        eventually("pull", () -> {
            PullResult got = consumer.pull(queue, "*", 0, 32);
            return got.getMsgFoundList() != null && got.getMsgFoundList().size() == 10;
        });
        admin.updateConsumeOffset(broker, group, queue, 4);

        eventually("TOPIC_PUT_NUMS", () -> minute(admin, broker, "TOPIC_PUT_NUMS", topic) == 10);
        eventually("GROUP_GET_NUMS", () -> minute(admin, broker, "GROUP_GET_NUMS", topic + "@" + group) >= 10);
        eventually("BROKER_PUT_NUMS", () -> minute(admin, broker, "BROKER_PUT_NUMS", "DefaultCluster") >= 10);
        check(minute(admin, broker, "TOPIC_PUT_NUMS", "nobody") == -1, "a topic that nobody knows");

        Map<String, String> runtime = admin.fetchBrokerRuntimeStats(broker).getTable();
        for (String name : List.of("putTps", "getFoundTps", "getMissTps", "getTotalTps", "getTransferredTps", "msgPutTotalTodayNow", "putMessageDistributeTime",
            "putLatency99", "putLatency999", "commitLogDirCapacity", "commitLogDiskRatio", "remainHowManyDataToFlush", "runtime", "brokerVersionDesc")) {
            check(runtime.get(name) != null, name + " is missing in " + runtime);
        }
        check(Long.parseLong(runtime.get("msgPutTotalTodayNow")) >= 10, runtime.get("msgPutTotalTodayNow"));
        check(runtime.get("commitLogDirCapacity").matches("Total : [0-9.]+ [KMGTP]iB, Free : [0-9.]+ [KMGTP]iB\\."), runtime.get("commitLogDirCapacity"));

        ConsumeStatsList all = admin.fetchConsumeStatsInBroker(broker, false, 5000);
        boolean found = false;
        for (Map<String, List<ConsumeStats>> one : all.getConsumeStatsList()) {
            for (ConsumeStats stats : one.getOrDefault(group, List.of())) {
                found = found || stats.getOffsetTable().containsKey(queue) && stats.getOffsetTable().get(queue).getConsumerOffset() == 4
                    && stats.getOffsetTable().get(queue).getBrokerOffset() == 10;
            }
        }
        check(found, "places of the group: " + all.toJson());
        for (QueueTimeSpan span : admin.queryConsumeTimeSpan(topic, group)) {
            check(span.getMinTimeStamp() > 0 && span.getMaxTimeStamp() >= span.getMinTimeStamp() && span.getDelayTime() >= 0, span.toString());
        }
        check(admin.getBrokerHAStatus(broker).isMaster(), "a master");
        check(admin.getColdDataFlowCtrInfo(broker).contains("globalColdReadThreshold"), "cold reads");
        check(admin.cleanExpiredConsumerQueueByAddr(broker) && admin.cleanUnusedTopicByAddr(broker) && admin.deleteExpiredCommitLogByAddr(broker), "clean-up");
        admin.resetMasterFlushOffset(broker, 7);

        Properties change = new Properties();
        change.setProperty("fileReservedTime", "48");
        admin.updateBrokerConfig(broker, change);
        check("48".equals(admin.getBrokerConfig(broker).getProperty("fileReservedTime")), "fileReservedTime");
        change.setProperty("fileReservedTime", "72");
        admin.updateBrokerConfig(broker, change);
        consumer.shutdown();
        producer.shutdown();
        admin.shutdown();
        System.out.println("good");
    }
}
