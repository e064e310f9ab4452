package access

import "testing"

// TestTable holds the table to what a table must be.
func TestTable(t *testing.T) {
	codes, names, ids := map[int32]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range Requests() {
		if codes[r.Code] || names[r.Name] || r.Class == 0 || r.Class.Public() {
			t.Errorf("%+v stands in it twice, or has no class that requests have", r)
		}
		codes[r.Code], names[r.Name] = true, true
	}
	if all := Codes(); all[3442].Name != "POP_MESSAGE" || all[200050].Name != "POP_MESSAGE" || all[17].Code != 17 {
		t.Errorf("%+v", all)
	}
	for code, r := range Codes() {
		if code != r.Code && codes[code] {
			t.Errorf("%+v is cut to the code %d, which is another's", r, code)
		}
	}
	for _, c := range Calls() {
		if ids[c.ID] || c.Class == 0 || OfCall(c.ID) != c.Class {
			t.Errorf("%+v stands in it twice, or has no class", c)
		}
		ids[c.ID] = true
	}
}

// TestClasses says what each class is, and that what stands nowhere is closed.
func TestClasses(t *testing.T) {
	f := func(c Class, closed, public, act bool) {
		t.Helper()
		if c.Closed() != closed || c.Public() != public || c.Act() != act {
			t.Errorf("class %d: closed %v, public %v, act %v", c, c.Closed(), c.Public(), c.Act())
		}
	}
	f(OfCall("nothing"), true, false, true)
	f(Open, false, false, false)
	f(OpenAct, false, false, true)
	f(Reveals, true, false, false)
	f(Secrets, true, false, true)
	f(Changes, true, false, true)
	f(Public, false, true, false)
	f(Entry, false, true, true)
	if Secrets.Does() != "reveals the server's own state" || Changes.Does() != "changes the server's own state" {
		t.Error(Secrets.Does(), Changes.Does())
	}
}

// TestApplicationsStayOpen: what RocketMQ's clients and brokers need of whoever they are.
func TestApplicationsStayOpen(t *testing.T) {
	for _, r := range Requests() {
		switch r.Code {
		case 10, 11, 14, 15, 17, 34, 35, 36, 37, 38, 41, 42, 103, 104, 105, 106, 200, 222, 310, 320, 322, 400, 200050, 200051, 28, 201, 202, 206, 208:
			if r.Class.Closed() {
				t.Errorf("%+v is closed", r)
			}
		case 25, 26, 100, 102, 205, 207, 215, 316, 318, 319, 327, 355, 3001, 3004, 3010:
			if !r.Class.Closed() {
				t.Errorf("%+v is open", r)
			}
		}
	}
}
