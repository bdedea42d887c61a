package sim

import (
	"bytes"
	"maps"
	"net/http"
)

// recorder keeps an answer instead of sending it.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// copyTo sends the answer on, with another body where body is not the whole.
func (r *recorder) copyTo(w http.ResponseWriter, body []byte) {
	maps.Copy(w.Header(), r.header)
	r.WriteHeader(http.StatusOK)
	w.WriteHeader(r.status)
	w.Write(body)
}
