package aerobee

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// signedBy is a context whose gRPC requests a user has signed.
func (u grpcUser) signedBy(user, password string) grpcUser {
	const at = "20261123T170000Z"
	u.ctx = metadata.AppendToOutgoingContext(u.ctx, "x-mq-date-time", at, "authorization", "MQv2-HMAC-SHA1 Credential="+user+
		", SignedHeaders=x-mq-date-time, Signature="+hex.EncodeToString(sign.Sum(password, []byte(at))))
	return u
}

// userRateLimits meet the rate of root, who is a super user.
func userRateLimits() map[string]func(*testing.T) refused {
	return map[string]func(*testing.T) refused{
		"remoting requests of one user a second": func(t *testing.T) refused {
			p := guarded(t, "maxRequestsPerUser", "1").dial(t)
			for range 5 { // what others sign in the user's name is not counted
				p.wantCode(p.call(protocol.ReqGetBrokerConfig, "", "AccessKey", "root", "Signature", "x"), protocol.ResNoPermission, "check signature failed.")
			}
			p.wantCode(p.as("root", "top", protocol.ReqGetBrokerConfig, ""), protocol.ResSuccess, "")
			for {
				if r := p.as("root", "top", protocol.ReqGetBrokerConfig, ""); r.Code == protocol.ResSystemBusy {
					return p.refused(r)
				}
			}
		},
		"gRPC requests of one user a second": func(t *testing.T) refused {
			u := grpcTo(t, guarded(t, "maxRequestsPerUser", "1"), "c").signedBy("root", "top")
			for {
				r, err := u.QueryRoute(u.ctx, &pb.QueryRouteRequest{Topic: &pb.Resource{Name: "T"}})
				if err != nil {
					t.Fatal(err)
				}
				if r.GetStatus().GetCode() == pb.Code_TOO_MANY_REQUESTS {
					return told(r.GetStatus())
				}
			}
		},
		"HTTP requests of one user a second": func(t *testing.T) refused {
			s := guarded(t, "maxRequestsPerUser", "1")
			for {
				q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/api/v1/node", nil)
				if err != nil {
					t.Fatal(err)
				}
				q.SetBasicAuth("root", "top")
				r, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				var body struct{ Detail string }
				err = json.NewDecoder(r.Body).Decode(&body)
				_ = r.Body.Close()
				if r.StatusCode != http.StatusOK {
					if err != nil {
						t.Error(err)
					}
					return refused{fmt.Sprint(r.StatusCode), body.Detail}
				}
			}
		},
	}
}
