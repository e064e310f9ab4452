package interop;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/** Requests with a reply: a consumer answers the producer that asked, through the broker. */
final class Replying {
    private static final int ENOUGH = 20_000;

    private Replying() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("request-reply", Replying::requestReply),
            new Scenario("request-reply-async", Replying::requestReplyAsync),
            new Scenario("request-reply-large", Replying::requestReplyLarge),
            new Scenario("request-by-go", Replying::askedByGo),
            new Scenario("reply-by-go", Replying::answeredByGo),
            new Scenario("request-without-reply", Replying::nobodyReplies),
            new Scenario("reply-to-nobody", Replying::askerGone));
    }

    /** Answers every request with its text in capitals; what became of the reply comes out of the future. */
    private static CompletableFuture<Object> answering(Lab lab, String topic) throws Exception {
        DefaultMQProducer replier = lab.start(new DefaultMQProducer(lab.unique("replier")), lab.unique("replier"));
        CompletableFuture<Object> outcome = new CompletableFuture<>();
        DefaultMQPushConsumer consumer = lab.consumer(lab.group(), lab.unique("replying"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            for (MessageExt request : batch) {
                try {
                    byte[] text = Check.text(request).toUpperCase().getBytes(StandardCharsets.UTF_8);
                    outcome.complete(replier.send(MessageUtil.createReplyMessage(request, text), 10_000));
                } catch (Exception e) {
                    outcome.complete(e);
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return outcome;
    }

    static void requestReply(Lab lab) throws Exception {
        String topic = lab.topic(1);
        CompletableFuture<Object> outcome = answering(lab, topic);
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        for (String text : Lab.numbered("question", 5)) {
            Message reply = asking.request(Lab.message(topic, "all", text), ENOUGH);
            Check.equal("reply", text.toUpperCase(), new String(reply.getBody(), StandardCharsets.UTF_8));
            Check.equal("type", "reply", reply.getProperty(MessageConst.PROPERTY_MESSAGE_TYPE));
            Check.equal("for", asking.buildMQClientId(), reply.getProperty(MessageConst.PROPERTY_MESSAGE_REPLY_TO_CLIENT));
            Check.equal("pushed at", true, Long.parseLong(reply.getProperty(MessageConst.PROPERTY_PUSH_REPLY_TIME)) > 0);
            Check.equal("topic", "DefaultCluster_REPLY_TOPIC", reply.getTopic());
        }
        Lab.stored((SendResult) outcome.get(20, TimeUnit.SECONDS));
    }

    static void requestReplyAsync(Lab lab) throws Exception {
        String topic = lab.topic(1);
        answering(lab, topic);
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        CompletableFuture<String> got = new CompletableFuture<>();
        asking.request(Lab.message(topic, "all", "later"), new RequestCallback() {
            @Override
            public void onSuccess(Message reply) {
                got.complete(new String(reply.getBody(), StandardCharsets.UTF_8));
            }

            @Override
            public void onException(Throwable e) {
                got.completeExceptionally(e);
            }
        }, ENOUGH);
        Check.equal("reply", "LATER", got.get(30, TimeUnit.SECONDS));
    }

    /** The replier compresses what is large; the asking client unpacks it. */
    static void requestReplyLarge(Lab lab) throws Exception {
        String topic = lab.topic(1);
        answering(lab, topic);
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        String text = "much ".repeat(20_000);
        Message reply = asking.request(Lab.message(topic, "all", text), ENOUGH);
        Check.equal("length", text.length(), reply.getBody().length);
        Check.equal("end", true, new String(reply.getBody(), StandardCharsets.UTF_8).endsWith("MUCH "));
    }

    /** The Go client asks, this one replies. */
    static void askedByGo(Lab lab) throws Exception {
        String topic = lab.topic(1);
        answering(lab, topic);
        lab.cluster.driver().ask("request " + topic + " gopher GOPHER");
    }

    /** This client asks, the Go one replies. */
    static void answeredByGo(Lab lab) throws Exception {
        String topic = lab.topic(1);
        lab.cluster.driver().ask("replier " + topic + " " + lab.group());
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        Message reply = asking.request(Lab.message(topic, "all", "duke"), ENOUGH);
        Check.equal("reply", "DUKE", new String(reply.getBody(), StandardCharsets.UTF_8));
    }

    static void nobodyReplies(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        try {
            asking.request(Lab.message(topic, "all", "anybody?"), 1_500);
            throw new AssertionError("a reply though nobody consumes");
        } catch (RequestTimeoutException e) {
            Check.equal("code", 10006, e.getResponseCode());
        }
    }

    /** A reply for a client that has gone fails at the replier, in both brokers with the same code. */
    static void askerGone(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer asking = lab.start(new DefaultMQProducer(lab.unique("asking")), lab.unique("asking"));
        Message request = Lab.message(topic, "all", "gone");
        request.putUserProperty("who", "nobody");
        MessageAccessor.putProperty(request, MessageConst.PROPERTY_MESSAGE_REPLY_TO_CLIENT, "nobody@here");
        MessageAccessor.putProperty(request, MessageConst.PROPERTY_CORRELATION_ID, "1");
        MessageAccessor.putProperty(request, MessageConst.PROPERTY_MESSAGE_TTL, "3000");
        CompletableFuture<Object> outcome = answering(lab, topic);
        Lab.stored(asking.send(request));
        Object error = outcome.get(30, TimeUnit.SECONDS);
        Throwable cause = error instanceof Throwable thrown ? thrown.getCause() : null;
        Check.equal("refused: " + error, true, cause instanceof MQBrokerException);
        Check.equal("code", 1, ((MQBrokerException) cause).getResponseCode());
        Check.equal("says so: " + cause, true, cause.getMessage().contains("channel of <nobody@here> not found"));
    }
}
