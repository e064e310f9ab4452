package convert

import (
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// TransactionID says where a half message lies. Clients give it back as it is, so nobody has to remember it: a transaction can be ended after a
// restart, and through another proxy.
//
//	broker@log offset@queue offset, both as decimal numbers
type TransactionID struct {
	Broker      string
	LogOffset   int64
	QueueOffset int64
}

// String is the id's text.
func (t TransactionID) String() string {
	return t.Broker + "@" + strconv.FormatInt(t.LogOffset, 10) + "@" + strconv.FormatInt(t.QueueOffset, 10)
}

// maxTransactionID bounds the text of an id.
const maxTransactionID = 300

// ParseTransactionID reads an id's text.
func ParseTransactionID(text string) (TransactionID, error) {
	wrong := status.New(pb.Code_INVALID_TRANSACTION_ID, "%.80q is not a transaction id of this server", text)
	if len(text) > maxTransactionID {
		return TransactionID{}, wrong
	}
	j := strings.LastIndexByte(text, '@')
	if j < 0 {
		return TransactionID{}, wrong
	}
	i := strings.LastIndexByte(text[:j], '@')
	if i < 1 {
		return TransactionID{}, wrong
	}
	at, err1 := strconv.ParseInt(text[i+1:j], 10, 64)
	queue, err2 := strconv.ParseInt(text[j+1:], 10, 64)
	if err1 != nil || err2 != nil || at < 0 || queue < 0 {
		return TransactionID{}, wrong
	}
	return TransactionID{Broker: text[:i], LogOffset: at, QueueOffset: queue}, nil
}
