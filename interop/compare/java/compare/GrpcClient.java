package compare;

import java.time.Duration;
import java.util.Collections;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.producer.Producer;

/** Makes clients that speak gRPC, without TLS, with their default settings, but for timeouts: a loaded machine must not fail a run. */
final class GrpcClient {
    private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private GrpcClient() {
    }

    private static ClientConfiguration configuration(Command c) {
        return ClientConfiguration.newBuilder().setEndpoints(c.text("endpoint")).enableSsl(false).setRequestTimeout(LIMIT).build();
    }

    static Producer producer(Command c) throws Exception {
        return PROVIDER.newProducerBuilder().setClientConfiguration(configuration(c)).setTopics(c.text("topic")).build();
    }

    static PushConsumer consumer(Command c, MessageListener listener) throws Exception {
        return PROVIDER.newPushConsumerBuilder().setClientConfiguration(configuration(c)).setConsumerGroup(c.text("group"))
            .setSubscriptionExpressions(Collections.singletonMap(c.text("topic"), FilterExpression.SUB_ALL)).setMessageListener(listener).build();
    }

    static Message message(String topic, byte[] body) {
        return PROVIDER.newMessageBuilder().setTopic(topic).setBody(body).build();
    }

    /** Closes a consumer in the background: its close waits for its polls. */
    static void close(PushConsumer consumer) {
        Thread closing = new Thread(() -> {
            try {
                consumer.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }, "closing");
        closing.setDaemon(true);
        closing.start();
    }
}
