package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	schemathesisPackage = "schemathesis==4.32.5"
	openAPILimit        = 3 * time.Minute // it takes seconds on a machine with nothing else to do
)

// TestOpenAPI has schemathesis read the document of a running node and ask for everything in it, as it should be asked and as it should
// not, as a super user; and for signing in and out as nobody. What is left out: streams without an end, and a copy of the whole store.
func TestOpenAPI(t *testing.T) {
	need(t, "python3")
	dir := cacheDir(t, "schemathesis")
	fetched(t, dir, schemathesisPackage, exec.Command("python3", "-m", "venv", dir),
		exec.Command(filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", schemathesisPackage))
	s := startServer(t, "aerobee")
	schemathesis := func(more ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), openAPILimit)
		defer cancel()
		work := t.TempDir()
		c := exec.CommandContext(ctx, filepath.Join(dir, "bin", "schemathesis"), append([]string{"run", "http://" + s.broker + "/api/v1/openapi.json",
			"--seed", "1", "--max-examples", "10", "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--request-timeout", "15", "--continue-on-failure",
			"--no-color"}, more...)...)
		c.Dir, c.Env = work, append(os.Environ(), "HOME="+work)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("schemathesis: %v\n%s", err, out)
		}
		_, summary, ok := strings.Cut(string(out), "API Operations:")
		if !ok || !regexp.MustCompile(`Tested: [1-9]`).MatchString(summary) {
			t.Errorf("schemathesis has tested nothing:\n%s", out)
		}
		t.Log(summary)
	}
	send := func(method, path, body string, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.broker+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d, %v, %+v", method, path, answer.StatusCode, err, into)
		}
	}
	var user, session map[string]any
	send("PUT", "/users/root", `{"password":"secret","super":true}`, &user)
	send("POST", "/session", `{"user":"root","password":"secret","bearer":true}`, &session)
	schemathesis("--header", fmt.Sprint("Authorization: Bearer ", session["token"]), "--exclude-path", "/api/v1/session", "--exclude-path", "/api/v1/live", "--exclude-path", "/api/v1/backup")
	schemathesis("--include-path", "/api/v1/session")
}
