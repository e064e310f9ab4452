package interop;

/** One thing that a client must be able to do; it passes when {@code run} returns. */
record Scenario(String name, Body body) {
    interface Body {
        void run(Lab lab) throws Exception;
    }
}
