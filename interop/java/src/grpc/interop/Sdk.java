package interop;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.LitePushConsumer;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.TransactionChecker;

/** A scenario's topics, groups and clients that speak gRPC. */
final class Sdk {
    static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
    static final String GROUP = "group";
    private static final Duration AWAIT = Duration.ofSeconds(6); // a proxy refuses to wait less than five seconds

    private final Lab lab;

    Sdk(Lab lab) {
        this.lab = lab;
    }

    /** The scenario's topic, for messages of this type. */
    String topic(int queues, String type) throws Exception {
        return topic("topic", queues, type);
    }

    String topic(String kind, int queues, String type) throws Exception {
        lab.cluster.driver().ask("topic " + lab.unique(kind) + " " + queues + " " + type);
        return lab.unique(kind);
    }

    /** A group whose messages are tried again 16 times. */
    String group() throws Exception {
        return group(16, false);
    }

    String group(int retries, boolean orderly) throws Exception {
        lab.cluster.driver().ask("group " + lab.unique(GROUP) + " " + retries + (orderly ? " orderly" : ""));
        return lab.unique(GROUP);
    }

    /** A group that reads lite topics of a topic. */
    String liteGroup(String topic) throws Exception {
        lab.cluster.driver().ask("group " + lab.unique(GROUP) + " 16 lite " + topic);
        return lab.unique(GROUP);
    }

    /** A group that reads all lite topics of a topic. */
    String wildcardGroup(String topic) throws Exception {
        lab.cluster.driver().ask("group " + lab.unique(GROUP) + " 16 wildcard " + topic);
        return lab.unique(GROUP);
    }

    /** A consumer of lite topics of a topic, so far of none. */
    LitePushConsumer lite(String topic, String group, Views views) throws Exception {
        LitePushConsumer consumer = PROVIDER.newLitePushConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(group)
            .bindTopic(topic).setMessageListener(view -> {
                views.add(view);
                return ConsumeResult.SUCCESS;
            }).build();
        lab.atEnd(() -> new Thread(() -> close(consumer)).start());
        return consumer;
    }

    ClientConfiguration configuration() {
        return configuration(false);
    }

    ClientConfiguration configuration(boolean tls) {
        return ClientConfiguration.newBuilder().setEndpoints(System.getenv("INTEROP_GRPC")).enableSsl(tls)
            .setRequestTimeout(Duration.ofSeconds(10)).build();
    }

    Producer producer(String... topics) throws Exception {
        return closing(PROVIDER.newProducerBuilder().setClientConfiguration(configuration()).setTopics(topics).build());
    }

    Producer producer(TransactionChecker checker, String topic) throws Exception {
        return closing(PROVIDER.newProducerBuilder().setClientConfiguration(configuration()).setTopics(topic)
            .setTransactionChecker(checker).build());
    }

    SimpleConsumer simple(String topic, String group) throws Exception {
        return simple(topic, group, FilterExpression.SUB_ALL);
    }

    SimpleConsumer simple(String topic, String group, FilterExpression filter) throws Exception {
        return closing(PROVIDER.newSimpleConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(group)
            .setSubscriptionExpressions(Collections.singletonMap(topic, filter)).setAwaitDuration(AWAIT).build());
    }

    /** A push consumer of everything in the topic, which the decision may fail; its close waits for its polls, and nobody waits for it. */
    Views push(String topic, String group, Function<MessageView, ConsumeResult> decide) throws Exception {
        return push(topic, group, FilterExpression.SUB_ALL, decide);
    }

    Views push(String topic, String group, FilterExpression filter, Function<MessageView, ConsumeResult> decide) throws Exception {
        Views views = new Views();
        PushConsumer consumer = PROVIDER.newPushConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(group)
            .setSubscriptionExpressions(Collections.singletonMap(topic, filter)).setConsumptionThreadCount(4)
            .setMessageListener(view -> {
                views.add(view);
                return decide.apply(view);
            }).build();
        views.close = () -> close(consumer);
        lab.atEnd(() -> new Thread(views.close).start());
        return views;
    }

    Views push(String topic, String group) throws Exception {
        return push(topic, group, view -> ConsumeResult.SUCCESS);
    }

    private <C extends AutoCloseable> C closing(C client) {
        lab.atEnd(() -> close(client));
        return client;
    }

    static void close(AutoCloseable client) {
        try {
            client.close();
        } catch (Exception | Error e) {
            e.printStackTrace(); // it may be closed already
        }
    }

    static MessageBuilder message(String topic, String body) {
        return PROVIDER.newMessageBuilder().setTopic(topic).setBody(body.getBytes(StandardCharsets.UTF_8));
    }

    static void sendAll(Producer producer, String topic, List<String> texts) throws ClientException {
        for (String text : texts) {
            producer.send(message(topic, text).build());
        }
    }

    static String text(MessageView view) {
        ByteBuffer body = view.getBody().duplicate();
        byte[] bytes = new byte[body.remaining()];
        body.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    static List<String> texts(List<MessageView> views) {
        return views.stream().map(Sdk::text).toList();
    }

    static TreeSet<String> sorted(List<MessageView> views) {
        return new TreeSet<>(texts(views));
    }

    /** Receives until so many have come. */
    static List<MessageView> receive(SimpleConsumer consumer, int count, int invisibleSeconds) throws Exception {
        List<MessageView> all = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        while (all.size() < count) {
            Check.that(all.size() + " of " + count + " messages in 40 s", System.nanoTime() < end);
            all.addAll(consumer.receive(32, Duration.ofSeconds(invisibleSeconds)));
        }
        Check.equal("messages", count, all.size());
        return all;
    }

    static MessageView receiveOne(SimpleConsumer consumer, int invisibleSeconds) throws Exception {
        return receive(consumer, 1, invisibleSeconds).get(0);
    }

    /** One poll, which is to be in vain. */
    static void nothing(SimpleConsumer consumer) throws Exception {
        Check.equal("received", List.of(), texts(consumer.receive(32, Duration.ofSeconds(30))));
    }

    /** The code with which the server refused; a failure of another kind is one of the scenario. */
    static int code(String what, java.util.concurrent.Callable<?> action) {
        Throwable e = Check.fails(what, action);
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof ClientException) {
                String text = cause.toString();
                java.util.regex.Matcher matcher = java.util.regex.Pattern.compile("response-code=(\\d+)").matcher(text);
                if (matcher.find()) {
                    return Integer.parseInt(matcher.group(1));
                }
            }
        }
        throw new AssertionError(what + " failed without a code: " + e, e);
    }

    /** What a push consumer's listener saw, in its order, with when. */
    static final class Views {
        private final LinkedBlockingQueue<MessageView> views = new LinkedBlockingQueue<>();
        private final java.util.Map<MessageView, Long> at = Collections.synchronizedMap(new java.util.IdentityHashMap<>());
        Runnable close;

        void add(MessageView view) {
            at.put(view, System.currentTimeMillis());
            views.add(view);
        }

        /** When the listener saw it, in ms. */
        long at(MessageView view) {
            return at.get(view);
        }

        List<MessageView> take(int count, int seconds) throws InterruptedException {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            List<MessageView> got = new ArrayList<>();
            while (got.size() < count) {
                MessageView next = views.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (next == null) {
                    throw new AssertionError(got.size() + " of " + count + " messages in " + seconds + " s: "
                        + (got.size() < 20 ? texts(got) : ""));
                }
                got.add(next);
            }
            return got;
        }

        MessageView takeOne(int seconds) throws InterruptedException {
            return take(1, seconds).get(0);
        }

        void nothing(int millis) throws InterruptedException {
            MessageView next = views.poll(millis, TimeUnit.MILLISECONDS);
            if (next != null) {
                throw new AssertionError("unexpected message " + text(next) + " " + next);
            }
        }

        int size() {
            return views.size();
        }
    }
}
