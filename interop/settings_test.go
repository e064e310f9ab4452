package interop

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestJavaOtherWay runs the scenarios whose way a setting changes: members reset their offsets themselves, replies are not stored, and retry topics of
// consumers that pop have the newer form of name.
func TestJavaOtherWay(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, javaNew)
			s := startServer(t, target, "useServerSideResetOffset=false", "storeReplyMessageEnable=false", "enableRetryTopicV2=true")
			runSuite(t, p, s, "INTEROP_POP_RETRY=v2",
				"INTEROP_ONLY=^(reset-online|consume-status|request-reply|request-reply-large|pop-ack|pop-batch-ack|pop-push-retry|pop-retry-topic)$")
		})
	}
}

// resend has an Aerobee send all dead letters of a group to it again.
func resend(broker, group string) error {
	answer, err := http.Post("http://"+broker+"/api/v1/dlq/"+group+"/resend", "application/json", strings.NewReader(`{"all":true}`))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("resend to %s: %s", group, answer.Status)
	}
	return nil
}
