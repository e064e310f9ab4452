package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Runs every scenario against the server named in the environment and prints PASS or FAIL for each. Scenarios that
 * mostly wait run side by side; one that measures time and one that kills the server run alone at the end. "story" as argument runs the producer
 * of the main story instead, "transactions" those scenarios that need a server with short times, "kinds" those of kinds of topics.
 */
final class Main {
    private static final int SIDE_BY_SIDE = 8;

    private final AtomicInteger failures = new AtomicInteger();
    private final Lab.Cluster cluster;

    Main(Lab.Cluster cluster) {
        this.cluster = cluster;
    }

    /** Exits whatever happens: the clients' threads would keep the program alive after a failure to start. */
    public static void main(String[] arguments) {
        try {
            start(arguments);
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            System.exit(2);
        }
    }

    private static void start(String[] arguments) throws Exception {
        Lab.Cluster cluster = cluster();
        try (Lab lab = new Lab(cluster, "main")) {
            // These keep the shared connections (5.x gives pull consumers one of their own): the last client to leave an
            // instance closes it, for those too who come at that moment.
            lab.producer();
            lab.pullConsumer(lab.group());
            run(new Main(cluster), arguments);
        }
    }

    /** What the environment says, with an admin client that is started. */
    static Lab.Cluster cluster() throws Exception {
        Driver driver = new Driver();
        driver.listen();
        DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(System.getenv("INTEROP_NAMESRV"));
        admin.setInstanceName("admin");
        admin.start();
        return new Lab.Cluster(System.getenv("INTEROP_NAMESRV"), System.getenv("INTEROP_BROKER"),
            System.getenv("INTEROP_TARGET"), System.getenv("INTEROP_RUN"), admin, driver);
    }

    private static void run(Main main, String[] arguments) throws InterruptedException {
        if (arguments.length > 0 && arguments[0].equals("story")) {
            main.run(new Scenario("story", Story::produce));
        } else if (arguments.length > 0 && arguments[0].equals("transactions")) {
            main.runAll(Pattern.compile(System.getenv("INTEROP_ONLY")), Transacting.scenarios(), List.of(Transacting.restart()));
        } else if (arguments.length > 0 && arguments[0].equals("kinds")) {
            main.runAll(Pattern.compile(System.getenv("INTEROP_ONLY")), Version.kinds(), List.of());
        } else {
            List<Scenario> alone = new ArrayList<>(List.of(new Scenario("long-poll", Sharing::longPoll),
                new Scenario("kill-and-resume", Restarting::killAndResume)));
            alone.addAll(Version.alone());
            main.runAll(Pattern.compile(System.getenv("INTEROP_ONLY")), main.together(), alone);
        }
        main.exit();
    }

    void exit() {
        cluster.admin().shutdown();
        System.exit(failures.get() == 0 ? 0 : 1);
    }

    void runAll(Pattern only, List<Scenario> sideBySide, List<Scenario> oneByOne) throws InterruptedException {
        List<Scenario> together = selected(only, sideBySide);
        List<Scenario> alone = selected(only, oneByOne);
        together.forEach(s -> cluster.driver().say("PLAN " + s.name()));
        alone.forEach(s -> cluster.driver().say("PLAN " + s.name()));
        ExecutorService pool = Executors.newFixedThreadPool(SIDE_BY_SIDE);
        together.forEach(s -> pool.execute(() -> run(s)));
        pool.shutdown();
        if (!pool.awaitTermination(4, TimeUnit.MINUTES)) {
            throw new IllegalStateException("scenarios still running after 4 minutes");
        }
        alone.forEach(this::run);
    }

    /** The slow ones first, so that the others run while these wait. */
    private List<Scenario> together() {
        List<Scenario> all = new ArrayList<>(Retrying.scenarios());
        all.addAll(Sharing.scenarios());
        all.addAll(Ordering.scenarios());
        all.addAll(Inspecting.scenarios());
        all.addAll(Pulling.scenarios());
        all.addAll(Filtering.scenarios());
        all.addAll(Sending.scenarios());
        all.addAll(Administering.scenarios());
        all.addAll(Replying.scenarios());
        all.addAll(Version.scenarios());
        return all;
    }

    private static List<Scenario> selected(Pattern only, List<Scenario> scenarios) {
        return scenarios.stream().filter(s -> only.matcher(s.name()).find()).toList();
    }

    private void run(Scenario scenario) {
        long start = System.nanoTime();
        try (Lab lab = new Lab(cluster, scenario.name())) {
            scenario.body().run(lab);
            cluster.driver().say("PASS " + scenario.name() + " " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
        } catch (Exception | AssertionError e) {
            failures.incrementAndGet();
            cluster.driver().say("FAIL " + scenario.name() + " " + e + place(e));
            e.printStackTrace();
        }
    }

    /** The line of the scenario that failed. */
    private static String place(Throwable e) {
        for (StackTraceElement frame : e.getStackTrace()) {
            if (frame.getClassName().startsWith("interop.") && !frame.getClassName().equals("interop.Check")
                && !frame.getClassName().equals("interop.Inbox")) {
                return " at " + frame.getFileName() + ":" + frame.getLineNumber();
            }
        }
        return "";
    }
}
