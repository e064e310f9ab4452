import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.trace.TraceContext;
import org.apache.rocketmq.client.trace.TraceDataEncoder;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Makes the calls that RocketMQ's dashboard and its exporter for Prometheus make, in the order of their pages, about two topics, a group whose
 * consumer is in this process, and a producer. Prints "$ PAGE: CALL" and then a line for each field of the answer, see Fields, or by which exception and
 * code it was refused.
 */
public class Panels {
    static final String TOPIC = "Panel";
    static final String ORDERED = "PanelOrdered";
    static final String TRIED = "PanelTried"; // where the dashboard's form for sending puts its message
    static final String HALF = "PanelHalf";
    static final String GROUP = "PanelGroup";
    static final String IDLE = "PanelIdle";
    static final String PRODUCER = "PanelProducer";
    static final String CLUSTER = "DefaultCluster";
    static final String DEAD = "%DLQ%" + GROUP;
    static final long TIMEOUT = 10_000;
    private static final PrintStream OUT = System.out;

    final DefaultMQAdminExt admin = on(new DefaultMQAdminExt(TIMEOUT), "admin");
    final String broker;
    private final String nameServer;
    private final long begun = System.currentTimeMillis();
    private final DefaultMQProducer producer = on(new DefaultMQProducer(PRODUCER), "producer");
    private final DefaultMQPullConsumer reader = on(new DefaultMQPullConsumer("TOOLS_CONSUMER"), "reader");
    private final DefaultMQPushConsumer consumer = on(Version.tracedConsumer(GROUP), "consumer");
    private final AtomicBoolean mended = new AtomicBoolean(); // the consumer handles what it failed before
    private SendResult sharedSent;
    private SendResult tried;

    private Panels(String nameServer, String broker) {
        this.nameServer = nameServer;
        this.broker = broker;
    }

    public static void main(String[] args) {
        System.setOut(System.err); // where 4.9's own log goes
        try {
            new Panels(args[0], args[1]).run();
            OUT.flush();
            System.exit(0); // the clients' threads would go on
        } catch (Throwable e) {
            OUT.flush();
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static <C extends ClientConfig> C on(C client, String name) {
        client.setClientIP("127.0.0.1");
        client.setInstanceName(name);
        return client;
    }

    interface Call {
        Object make() throws Exception;
    }

    interface Deed {
        void make() throws Exception;
    }

    interface Question {
        boolean yes() throws Exception;
    }

    /** Makes a call and prints what came. */
    void show(String step, Call call) {
        OUT.println("$ " + step);
        long begun = System.currentTimeMillis();
        try {
            Fields.of(call.make()).forEach(OUT::println);
        } catch (MQClientException e) {
            OUT.println("refused = MQClientException " + e.getResponseCode());
        } catch (MQBrokerException e) {
            OUT.println("refused = MQBrokerException " + e.getResponseCode());
        } catch (Exception e) {
            OUT.println("failed = " + e.getClass().getSimpleName());
            e.printStackTrace();
        }
        System.err.println((System.currentTimeMillis() - begun) + " ms for " + step);
    }

    /** Makes a call without an answer. */
    void done(String step, Deed deed) {
        show(step, () -> {
            deed.make();
            return "done";
        });
    }

    private static void await(String what, Question question) throws Exception {
        Exception last = null;
        long begun = System.currentTimeMillis();
        for (long end = begun + 60_000; ; Thread.sleep(20)) {
            try {
                if (question.yes()) {
                    System.err.println((System.currentTimeMillis() - begun) + " ms for " + what);
                    return;
                }
            } catch (Exception e) {
                last = e;
            }
            if (System.currentTimeMillis() > end) {
                throw new IllegalStateException(what, last);
            }
        }
    }

    /** What of a table is of this program. */
    private static <V> Map<String, V> own(Map<String, V> table) {
        Map<String, V> own = new TreeMap<>(table);
        own.keySet().removeIf(name -> !name.contains("Panel"));
        return own;
    }

    private static Map<String, String> some(Properties of, String... keys) {
        Map<String, String> some = new TreeMap<>();
        for (String key : keys) {
            some.put(key, of.getProperty(key, "missing"));
        }
        return some;
    }

    private MQClientInstance instance() {
        return producer.getDefaultMQProducerImpl().getMqClientFactory();
    }

    private void run() throws Exception {
        for (ClientConfig client : List.of(admin, producer, reader, consumer)) {
            client.setNamesrvAddr(nameServer);
        }
        admin.start();
        producer.setSendMsgTimeout(20_000);
        producer.start();
        reader.start();
        cluster();
        makeTopics();
        makeGroups();
        startConsumer();
        sendAll();
        topics();
        groups();
        producers();
        messages();
        deadLetters();
        traces();
        Version.only(this);
        exporter();
        offsets();
        operations();
        delete();
    }

    private void cluster() {
        show("cluster: list", admin::examineBrokerClusterInfo);
        show("cluster: what a broker says of itself", () -> shapes(admin.fetchBrokerRuntimeStats(broker).getTable()));
        show("cluster: configuration of a broker", () -> some(admin.getBrokerConfig(broker), "brokerClusterName", "brokerName", "brokerId", "brokerRole",
            "brokerPermission", "flushDiskType", "fileReservedTime", "deleteWhen", "autoCreateTopicEnable", "autoCreateSubscriptionGroup",
            "defaultTopicQueueNums", "maxMessageSize", "messageDelayLevel", "transactionTimeOut", "transactionCheckMax", "traceTopicEnable",
            "enablePropertyFilter", "longPollingEnable"));
        show("ops: name servers", admin::getNameServerAddressList);
        show("ops: configuration of a name server", () -> admin.getNameServerConfig(List.of(nameServer)).values().stream().map(config -> some(config,
            "orderMessageEnable", "returnOrderTopicConfigToBroker", "enableTopicList", "enableAllTopicList", "deleteTopicWithBrokerRegistration",
            "scanNotActiveBrokerInterval", "supportActingMaster")).toList());
    }

    /** Values with <n> for their numbers, as far as they change; the keys stay. */
    private static Map<String, String> shapes(Map<String, String> table) {
        Map<String, String> shapes = new TreeMap<>();
        table.forEach((key, value) -> {
            String shape = key.equals("brokerVersionDesc") ? value : value.replaceAll("-?\\d+(\\.\\d+)?(E-?\\d+)?", "<n>");
            shape = shape.replaceAll("<n>( <n>)+", "<n>").replaceAll("[KMGTP]iB", "<unit>");
            shape = key.equals("putMessageDistributeTime") ? "<spread>" : shape; // null before the first minute
            shapes.put(key.replaceAll("_/.*", "_<path>"), key.endsWith("Tps") ? "<rates>" : shape); // none before the first seconds
        });
        return shapes;
    }

    private void makeTopics() throws Exception {
        makeTopic(TOPIC, 2, "NORMAL");
        makeTopic(TRIED, 1, "NORMAL");
        makeTopic(HALF, 1, "TRANSACTION");
        done("topics: make one in order", () -> {
            TopicConfig config = new TopicConfig(ORDERED, 1, 1, 6);
            config.setOrder(true);
            Version.kind(config, "FIFO");
            admin.createAndUpdateTopicConfig(broker, config);
        });
        done("topics: its order at a broker", () -> admin.createOrUpdateOrderConf(ORDERED, "broker-a:1", false));
        done("topics: its order in the cluster", () -> admin.createOrUpdateOrderConf(ORDERED, "broker-a:1", true));
        show("topics: its order", () -> admin.getKVConfig("ORDER_TOPIC_CONFIG", ORDERED));
        done("topics: make one without queues", () -> admin.createAndUpdateTopicConfig(broker, new TopicConfig("PanelWithout", 0, 0, 6)));
        done("topics: refused name", () -> admin.createAndUpdateTopicConfig(broker, new TopicConfig("Panel refused", 1, 1, 6)));
        for (String topic : List.of(TOPIC, TRIED, HALF, ORDERED)) {
            await("route of " + topic, () -> !admin.examineTopicRouteInfo(topic).getBrokerDatas().isEmpty());
        }
    }

    private void makeTopic(String name, int queues, String type) {
        done("topics: make " + name, () -> {
            TopicConfig config = new TopicConfig(name, queues, queues, 6);
            Version.kind(config, type);
            admin.createAndUpdateTopicConfig(broker, config);
        });
    }

    private void makeGroups() {
        done("groups: make", () -> Version.group(admin, broker, GROUP, 16));
        done("groups: make another", () -> Version.group(admin, broker, IDLE, 16));
        done("groups: change", () -> Version.group(admin, broker, IDLE, 3));
        show("groups: configuration", () -> admin.examineSubscriptionGroupConfig(broker, IDLE));
        show("groups: all", () -> own(admin.getAllSubscriptionGroup(broker, TIMEOUT).getSubscriptionGroupTable()));
        show("groups: of users", () -> admin.getUserSubscriptionGroup(broker, TIMEOUT).getSubscriptionGroupTable().keySet());
        show("groups: nobody online", () -> admin.examineConsumerConnectionInfo(IDLE));
        show("groups: nobody online at a broker", () -> admin.examineConsumerConnectionInfo(IDLE, broker));
        show("groups: no progress", () -> progress(admin.examineConsumeStats(IDLE).getOffsetTable()));
    }

    private void startConsumer() throws Exception {
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setMaxReconsumeTimes(0); // what fails is dead
        consumer.subscribe(TOPIC, "*");
        consumer.subscribe(TRIED, "form || other");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                if (text(message).equals("dead") && !mended.get()) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        await("the consumer's queues", () -> progress(consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable()).size() == 3);
        await("the consumer online", () -> admin.examineConsumerConnectionInfo(GROUP).getConnectionSet().size() == 1);
    }

    private static String text(MessageExt message) {
        return new String(message.getBody(), java.nio.charset.StandardCharsets.UTF_8);
    }

    private void sendAll() throws Exception {
        String name = producer.fetchPublishMessageQueues(TOPIC).get(0).getBrokerName();
        for (int i = 0; i < 6; i++) {
            Message message = new Message(TOPIC, i < 3 ? "early" : "late", "key-" + i + " shared", (i == 5 ? "dead" : "m" + i).getBytes());
            sharedSent = producer.send(message, new MessageQueue(TOPIC, name, i % 2));
        }
        tried = sendByForm();
        show("topics: what the form for sending shows", () -> tried);
        TransactionMQProducer transactions = on(new TransactionMQProducer("PanelTransactions"), "transactions");
        transactions.setNamesrvAddr(nameServer);
        transactions.setSendMsgTimeout(20_000);
        transactions.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        transactions.start();
        show("topics: what it shows of a transaction", () -> {
            var result = transactions.sendMessageInTransaction(new Message(HALF, "form", "half", "half".getBytes()), null);
            return List.of(result.getSendStatus(), result.getMessageQueue(), result.getLocalTransactionState());
        });
        transactions.shutdown();
        await("the transaction's message", () -> ends(HALF) == 1);
        await("the dead letter", () -> ends(DEAD) == 1);
        caughtUp();
        instance().sendHeartbeatToAllBrokerWithLock(); // else the producer is known half a minute later
        await("the producer", () -> !admin.examineProducerConnectionInfo(PRODUCER, TOPIC).getConnectionSet().isEmpty());
        await("the index", () -> admin.queryMessage(TOPIC, "shared", 64, 0, Long.MAX_VALUE).getMessageList().size() == 6);
    }

    /** As the form does it: a producer with traces for each message, which then leaves. */
    private SendResult sendByForm() throws Exception {
        DefaultMQProducer form = on(new DefaultMQProducer("SELF_TEST_P_GROUP", null, true, "RMQ_SYS_TRACE_TOPIC"), "form");
        form.setNamesrvAddr(nameServer);
        Version.traceAtOnce(form);
        form.setSendMsgTimeout(20_000);
        form.start();
        SendResult result = form.send(new Message(TRIED, "form", "form-key", "by form".getBytes()));
        await("the form's trace", () -> !traces(result.getMsgId()).isEmpty()); // shut down before, a producer of 4.9 may lose it
        form.shutdown();
        return result;
    }

    private long ends(String topic) throws Exception {
        return admin.examineTopicStats(topic).getOffsetTable().values().stream().mapToLong(queue -> queue.getMaxOffset()).sum();
    }

    private void caughtUp() throws Exception {
        await("the consumer has everything", () -> {
            consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset(); // else every five seconds
            var stats = admin.examineConsumeStats(GROUP);
            return progress(stats.getOffsetTable()).size() == 3 && stats.computeTotalDiff() == 0;
        });
    }

    /** Without the retry topic, to which a consumer comes half a minute after its start. */
    static <V> Map<MessageQueue, V> progress(Map<MessageQueue, V> offsets) {
        Map<MessageQueue, V> progress = new TreeMap<>(offsets);
        progress.keySet().removeIf(queue -> queue.getTopic().startsWith("%RETRY%"));
        return progress;
    }

    private void topics() throws Exception {
        show("topics: list", admin::fetchAllTopicList);
        show("topics: list of the cluster", () -> admin.fetchTopicsByCLuster(CLUSTER));
        show("topics: list of the system's", () -> instance().getMQClientAPIImpl().getSystemTopicList(TIMEOUT));
        show("topics: types", () -> own(admin.getAllTopicConfig(broker, TIMEOUT).getTopicConfigTable()));
        show("topics: of users", () -> own(admin.getUserTopicConfig(broker, false, TIMEOUT).getTopicConfigTable()));
        show("topics: clusters of one", () -> admin.getTopicClusterList(TOPIC));
        show("topics: clusters of one, again", () -> admin.getClusterList(TOPIC));
        for (String topic : List.of(TOPIC, ORDERED, HALF)) {
            show("topics: route of " + topic, () -> admin.examineTopicRouteInfo(topic));
            show("topics: status of " + topic, () -> admin.examineTopicStats(topic));
        }
        show("topics: consumers", () -> admin.queryTopicConsumeByWho(TOPIC));
        show("topics: consumers of one without", () -> admin.queryTopicConsumeByWho(ORDERED));
        show("topics: route of none", () -> admin.examineTopicRouteInfo("PanelNowhere"));
        show("topics: status of none", () -> admin.examineTopicStats("PanelNowhere"));
        show("topics: consumers of none", () -> admin.queryTopicConsumeByWho("PanelNowhere"));
        done("topics: read only", () -> {
            TopicConfig config = new TopicConfig(ORDERED, 1, 1, 4);
            config.setOrder(true);
            admin.createAndUpdateTopicConfig(broker, config);
        });
        await("the changed route", () -> admin.examineTopicRouteInfo(ORDERED).getQueueDatas().get(0).getPerm() == 4);
        show("topics: route of " + ORDERED + " after that", () -> admin.examineTopicRouteInfo(ORDERED));
        done("topics: send to it", () -> producer.send(new Message(ORDERED, "refused".getBytes())));
    }

    private void groups() throws Exception {
        String id = consumer.buildMQClientId();
        show("groups: progress", () -> progress(admin.examineConsumeStats(GROUP).getOffsetTable()));
        show("groups: progress in one topic", () -> progress(admin.examineConsumeStats(GROUP, TOPIC).getOffsetTable()));
        show("groups: connections", () -> admin.examineConsumerConnectionInfo(GROUP));
        show("groups: connections at a broker", () -> admin.examineConsumerConnectionInfo(GROUP, broker));
        await("the consumer's queues in its running info", () -> progress(admin.getConsumerRunningInfo(GROUP, id, false).getMqTable()).size() == 3);
        show("groups: running info", () -> {
            var info = admin.getConsumerRunningInfo(GROUP, id, false);
            return List.of(some(info.getProperties(), "PROP_CONSUME_ORDERLY", "PROP_CONSUME_TYPE", "PROP_CLIENT_VERSION", "PROP_NAMESERVER_ADDR"),
                info.getSubscriptionSet(), progress(info.getMqTable()).keySet(), own(info.getStatusTable()));
        });
        show("groups: stacks", () -> !admin.getConsumerRunningInfo(GROUP, id, true).getJstack().isEmpty());
        show("groups: running info of nobody", () -> admin.getConsumerRunningInfo(GROUP, "127.0.0.1@nobody", false));
        show("groups: what members say", () -> {
            Map<String, Object> members = new TreeMap<>();
            admin.getConsumeStatus(TOPIC, GROUP, id).forEach((member, offsets) -> members.put(member, progress(offsets)));
            return members;
        });
        show("groups: time spans", () -> admin.queryConsumeTimeSpan(TOPIC, GROUP).stream().sorted(Comparator.comparing(span -> span.getMessageQueue())).toList());
        show("groups: progress of all at a broker", () -> admin.fetchConsumeStatsInBroker(broker, false, TIMEOUT).getConsumeStatsList().stream()
            .map(Panels::own).flatMap(of -> of.entrySet().stream()).sorted(Map.Entry.comparingByKey())
            .map(group -> Map.of(group.getKey(), sortedFields(group.getValue().stream().map(stats -> progress(stats.getOffsetTable())).toList()))).toList());
    }

    private void producers() {
        show("producers: connections", () -> admin.examineProducerConnectionInfo(PRODUCER, TOPIC));
        show("producers: connections of nobody", () -> admin.examineProducerConnectionInfo("PanelNobody", TOPIC));
        show("producers: all", () -> admin.getAllProducerInfo(broker).getData().get(PRODUCER));
    }

    private void messages() throws Exception {
        long end = System.currentTimeMillis() + 3_600_000;
        List<MessageQueue> queues = new ArrayList<>(reader.fetchSubscribeMessageQueues(TOPIC));
        queues.sort(Comparator.naturalOrder());
        for (MessageQueue queue : queues) {
            show("messages: bounds of queue " + queue.getQueueId(), () -> Map.of("by time", List.of(reader.searchOffset(queue, begun - 3_600_000), reader.searchOffset(queue, end)),
                "least", reader.minOffset(queue), "most", reader.maxOffset(queue), "earliest", reader.earliestMsgStoreTime(queue)));
            show("messages: in queue " + queue.getQueueId(), () -> reader.pull(queue, "*", 0, 32));
        }
        MessageQueue first = queues.get(0);
        show("messages: by tag", () -> reader.pull(first, "late", 0, 32).getMsgFoundList().stream().map(Panels::text).toList());
        show("messages: behind the end", () -> reader.pull(first, "*", 99, 32));
        show("messages: by a tag of none", () -> reader.pull(first, "none", 0, 32));
        show("messages: by key", () -> sorted(admin.queryMessage(TOPIC, "key-3", 64, 0, end).getMessageList()));
        show("messages: by a key of several", () -> sorted(admin.queryMessage(TOPIC, "shared", 64, 0, end).getMessageList()).stream().map(Panels::text).toList());
        show("messages: by a key of none", () -> admin.queryMessage(TOPIC, "nothing", 64, 0, end));
        String id = sharedSent.getMsgId();
        show("messages: by id", () -> Version.byUniqueKey(instance().getMQAdminImpl(), CLUSTER, TOPIC, id).getMessageList());
        show("messages: by id, as tools do", () -> admin.viewMessage(TOPIC, id));
        show("messages: by the id with the offset", () -> admin.viewMessage(TOPIC, sharedSent.getOffsetMsgId()));
        show("messages: by an id of none", () -> Version.byUniqueKey(instance().getMQAdminImpl(), CLUSTER, TOPIC, "7F00000100000000000000000000FFFF"));
        show("messages: by an offset of none", () -> admin.viewMessage(TOPIC, sharedSent.getOffsetMsgId().replaceAll(".{12}$", "000000FFFFFF")));
        show("messages: who has had one", this::tracks);
        mended.set(true);
        show("messages: again to a consumer", () -> admin.consumeMessageDirectly(GROUP, consumer.buildMQClientId(), TOPIC, id));
        show("messages: again to nobody", () -> admin.consumeMessageDirectly(GROUP, "127.0.0.1@nobody", TOPIC, id));
    }

    /** Who has had a message; what a refusal says goes, its code stays. */
    private Map<String, String> tracks() throws Exception {
        Map<String, String> tracks = new TreeMap<>();
        for (var track : admin.messageTrackDetail(admin.viewMessage(TOPIC, sharedSent.getOffsetMsgId()))) {
            tracks.put(track.getConsumerGroup(), (track.getTrackType() + " " + track.getExceptionDesc()).replaceAll("(?s) *DESC:.*", ""));
        }
        return tracks;
    }

    private static List<MessageExt> sorted(List<MessageExt> messages) {
        return messages.stream().sorted(Comparator.comparing(Panels::text)).toList();
    }

    private void deadLetters() throws Exception {
        show("dead letters: route", () -> admin.examineTopicRouteInfo(DEAD));
        show("dead letters: route of a group without", () -> admin.examineTopicRouteInfo("%DLQ%" + IDLE));
        show("dead letters: status", () -> admin.examineTopicStats(DEAD));
        MessageQueue queue = new MessageQueue(DEAD, producer.fetchPublishMessageQueues(TOPIC).get(0).getBrokerName(), 0);
        List<MessageExt> all = new ArrayList<>();
        show("dead letters: page", () -> {
            var page = reader.pull(queue, "*", 0, 32);
            all.addAll(page.getMsgFoundList());
            return page;
        });
        String id = all.get(0).getMsgId();
        show("dead letters: by id", () -> Version.byUniqueKey(instance().getMQAdminImpl(), CLUSTER, DEAD, id).getMessageList());
        show("dead letters: to the consumer", () -> admin.consumeMessageDirectly(GROUP, consumer.buildMQClientId(), DEAD, id));
        show("dead letters: to its topic", () -> producer.send(new Message(TOPIC, "late", "key-5 resent", all.get(0).getBody()),
            new MessageQueue(TOPIC, queue.getBrokerName(), 1)));
        caughtUp();
        show("dead letters: progress after that", () -> progress(admin.examineConsumeStats(GROUP, TOPIC).getOffsetTable()));
    }

    private void traces() throws Exception {
        await("traces of sending and handling", () -> traces(tried.getMsgId()).size() == 3);
        show("traces: of a message", () -> traces(tried.getMsgId()));
        show("traces: by its key", () -> traces("form-key"));
        show("traces: of none", () -> traces("7F00000100000000000000000000FFFF"));
    }

    /** What the trace page makes of the messages in the topic of traces. */
    private List<String> traces(String key) throws Exception {
        List<String> lines = new ArrayList<>();
        for (MessageExt message : admin.queryMessage("RMQ_SYS_TRACE_TOPIC", key, 64, 0, System.currentTimeMillis() + 3_600_000).getMessageList()) {
            for (TraceContext trace : TraceDataEncoder.decoderFromTraceDataString(text(message))) {
                var about = trace.getTraceBeans().get(0);
                if (!about.getMsgId().equals(key) && !about.getKeys().equals(key)) {
                    continue; // traces of several messages may share one
                }
                lines.add(trace.getTraceType() + " " + trace.getGroupName() + " " + trace.isSuccess() + " " + trace.getContextCode() + " topic " + about.getTopic() + " id "
                    + about.getMsgId() + " tags " + about.getTags() + " keys " + about.getKeys() + " body " + about.getBodyLength()
                    + " region " + trace.getRegionId());
            }
        }
        lines.sort(Comparator.naturalOrder());
        return lines;
    }

    /** What the exporter asks each minute, about everything that the server lists. */
    private void exporter() throws Exception {
        show("exporter: a topic's messages", () -> {
            Map<String, Object> messages = new TreeMap<>();
            for (String topic : admin.fetchAllTopicList().getTopicList()) {
                messages.put(topic, attempt(() -> topic.contains("Panel") ? ends(topic) : ends(topic) >= 0 ? "<n>" : "negative"));
            }
            return messages;
        });
        show("exporter: a topic's groups", () -> {
            Map<String, Object> groups = new TreeMap<>();
            for (String topic : admin.fetchAllTopicList().getTopicList()) {
                groups.put(topic, attempt(() -> {
                    Set<String> consuming = admin.queryTopicConsumeByWho(topic).getGroupList();
                    return topic.contains("Panel") ? consuming : "<groups>"; // the system's come when there is something for them
                }));
            }
            return groups;
        });
        show("exporter: where a group stands", () -> {
            Map<String, Object> statuses = new TreeMap<>();
            for (var queue : admin.examineConsumeStats(GROUP, TOPIC).getOffsetTable().entrySet()) {
                var page = reader.pull(queue.getKey(), "*", queue.getValue().getConsumerOffset(), 1);
                statuses.put(queue.getKey().getQueueId() + " at", queue.getValue().getConsumerOffset() + " " + page.getPullStatus());
                statuses.put(queue.getKey().getQueueId() + " last", text(reader.pull(queue.getKey(), "*", queue.getValue().getConsumerOffset() - 1, 1).getMsgFoundList().get(0)));
            }
            return statuses;
        });
        for (String name : List.of("TOPIC_PUT_NUMS", "TOPIC_PUT_SIZE")) {
            show("exporter: " + name, () -> admin.viewBrokerStatsData(broker, name, TOPIC));
        }
        for (String name : List.of("GROUP_GET_NUMS", "GROUP_GET_SIZE", "SNDBCK_PUT_NUMS")) {
            show("exporter: " + name, () -> admin.viewBrokerStatsData(broker, name, TOPIC + "@" + GROUP));
            show("exporter: " + name + " of nobody", () -> admin.viewBrokerStatsData(broker, name, TOPIC + "@PanelNobody"));
        }
        for (String name : List.of("BROKER_PUT_NUMS", "BROKER_GET_NUMS")) {
            show("exporter: " + name, () -> admin.viewBrokerStatsData(broker, name, CLUSTER));
        }
        show("exporter: numbers of a broker", () -> Numbers.of(admin.fetchBrokerRuntimeStats(broker).getTable()));
    }

    private static Object attempt(Call call) {
        try {
            return call.make();
        } catch (MQClientException e) {
            return "refused " + e.getResponseCode();
        } catch (MQBrokerException e) {
            return "refused " + e.getResponseCode();
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    private void offsets() throws Exception {
        show("offsets: of a group that is not", () -> admin.resetOffsetByTimestamp(TOPIC, IDLE, 0, true));
        show("offsets: to the end", () -> admin.resetOffsetByTimestamp(TOPIC, IDLE, -1, true));
        show("offsets: progress after that", () -> progress(admin.examineConsumeStats(IDLE, TOPIC).getOffsetTable()));
        show("offsets: back by hand", () -> sortedFields(admin.resetOffsetByTimestampOld(IDLE, TOPIC, 0, true)));
        show("offsets: forth by hand", () -> sortedFields(admin.resetOffsetByTimestampOld(IDLE, TOPIC, -1, true)));
        show("offsets: to the future", () -> sortedFields(admin.resetOffsetByTimestampOld(IDLE, TOPIC, begun + 86_400_000, true)));
        done("offsets: skip, without knowing who is online", () -> admin.resetOffsetNew(IDLE, TOPIC, -1));
        show("offsets: of no group", () -> admin.resetOffsetByTimestamp(TOPIC, "PanelNobody", 0, true));
        show("offsets: in no topic", () -> admin.resetOffsetByTimestamp("PanelNowhere", IDLE, 0, true));
        done("offsets: of one queue", () -> admin.updateConsumeOffset(broker, IDLE, new MessageQueue(TOPIC, "broker-a", 1), 2));
        show("offsets: progress in the end", () -> progress(admin.examineConsumeStats(IDLE, TOPIC).getOffsetTable()));
        show("offsets: progress everywhere, without a retry topic", () -> progress(admin.examineConsumeStats(IDLE).getOffsetTable()));
        show("offsets: consumers of the topic", () -> admin.queryTopicConsumeByWho(TOPIC));
        show("offsets: who has had a message", this::tracks);
        show("offsets: back, of a group that is online", () -> admin.resetOffsetByTimestamp(TOPIC, GROUP, 0, true)); // what its consumer then does takes its time
    }

    private static <E> List<E> sortedFields(List<E> elements) {
        return elements.stream().sorted(Comparator.comparing(element -> String.join("\n", Fields.of(element)))).toList();
    }

    private void operations() throws Exception {
        done("ops: put a pair", () -> admin.createAndUpdateKvConfig("PanelSpace", "key", "value"));
        show("ops: get a pair", () -> admin.getKVConfig("PanelSpace", "key"));
        show("ops: all pairs", () -> admin.getKVListByNamespace("PanelSpace"));
        done("ops: delete a pair", () -> admin.deleteKvConfig("PanelSpace", "key"));
        show("ops: no pair", () -> admin.getKVConfig("PanelSpace", "key"));
        show("ops: no pairs", () -> admin.getKVListByNamespace("PanelNowhere"));
        show("ops: no writing", () -> admin.wipeWritePermOfBroker(nameServer, "broker-a") > 0);
        show("ops: route without writing", () -> admin.examineTopicRouteInfo(TOPIC).getQueueDatas());
        show("ops: writing again", () -> admin.addWritePermOfBroker(nameServer, "broker-a") > 0);
        show("ops: route with writing", () -> admin.examineTopicRouteInfo(TOPIC).getQueueDatas());
        changeConfiguration("48");
        changeConfiguration("72");
        show("ops: clean queues", () -> admin.cleanExpiredConsumerQueueByAddr(broker));
        show("ops: clean queues of the cluster", () -> admin.cleanExpiredConsumerQueue(CLUSTER));
        show("ops: clean topics", () -> admin.cleanUnusedTopicByAddr(broker));
        show("ops: clean topics of the cluster", () -> admin.cleanUnusedTopic(CLUSTER));
    }

    private void changeConfiguration(String hours) {
        Properties change = new Properties();
        change.setProperty("fileReservedTime", hours);
        done("ops: keep messages for " + hours + " hours", () -> admin.updateBrokerConfig(broker, change));
        show("ops: for how long after that", () -> some(admin.getBrokerConfig(broker), "fileReservedTime"));
    }

    private void delete() throws Exception {
        done("delete: topic at the broker", () -> admin.deleteTopicInBroker(Set.of(broker), ORDERED));
        done("delete: topic at the name server", () -> Version.deleteInNameServer(admin, Set.of(nameServer), CLUSTER, ORDERED));
        show("delete: route after that", () -> admin.examineTopicRouteInfo(ORDERED));
        show("delete: topics after that", () -> own(admin.getAllTopicConfig(broker, TIMEOUT).getTopicConfigTable()).keySet());
        done("delete: topic of none at the broker", () -> admin.deleteTopicInBroker(Set.of(broker), "PanelNowhere"));
        done("delete: topic of none at the name server", () -> Version.deleteInNameServer(admin, Set.of(nameServer), CLUSTER, "PanelNowhere"));
        done("delete: topic of the system", () -> admin.deleteTopicInBroker(Set.of(broker), "TBW102"));
        done("delete: group", () -> admin.deleteSubscriptionGroup(broker, IDLE, true));
        for (String topic : List.of("%RETRY%" + IDLE, "%DLQ%" + IDLE)) {
            done("delete: " + topic + " at the broker", () -> admin.deleteTopicInBroker(Set.of(broker), topic));
            done("delete: " + topic + " at the name server", () -> Version.deleteInNameServer(admin, Set.of(nameServer), CLUSTER, topic));
        }
        show("delete: groups after that", () -> own(admin.getAllSubscriptionGroup(broker, TIMEOUT).getSubscriptionGroupTable()).keySet());
        show("delete: progress after that", () -> progress(admin.examineConsumeStats(IDLE, TOPIC).getOffsetTable()));
        done("delete: group that is online", () -> admin.deleteSubscriptionGroup(broker, GROUP, false));
    }
}
