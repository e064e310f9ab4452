package rates_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/broker/rates"
)

func TestRatesAndDays(t *testing.T) {
	var r rates.Rates
	for i := range int64(100) {
		r.Add(rates.Sample{Millis: i * 10_000, Put: i * 100, Got: i * 50, Found: i * 20, Missed: i * 10})
	}
	got := r.At(990_000, rates.Sample{Millis: 990_000, Put: 9900, Got: 4950, Found: 1980, Missed: 990})
	for i, rate := range got.Put {
		if rate != 10 || got.Got[i] != 5 || got.Found[i] != 2 || got.Missed[i] != 1 {
			t.Errorf("span %d: %v put, %v got, %v found, %v missed", i, rate, got.Got[i], got.Found[i], got.Missed[i])
		}
	}
	day := int64(24 * 3600 * 1000)
	r.Add(rates.Sample{Millis: 990_000 + day, Put: 20_000})
	r.Add(rates.Sample{Millis: 990_000 + 2*day, Put: 30_000})
	if got := r.At(990_000+2*day, rates.Sample{}); got.Yesterday.Put != 20_000 || got.Today.Put != 30_000 {
		t.Errorf("yesterday %d, today %d", got.Yesterday.Put, got.Today.Put)
	}
}
