// Package telemetry tells a collector of OpenTelemetry what rekey did and how long
// it took.
//
// It is off unless OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
// is set; the OTEL_* variables are those of every program. A rotation is one trace,
// however many days and replicas it takes: its trace id follows from its own id.
// Only the attributes listed below leave the process, and a value that is not of
// the expected form is left out: no names, no addresses with their queries, nothing
// that was sent.
package telemetry

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"os"
	"regexp"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. The zero Tracer and a nil one make none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Config says what calls itself what.
type Config struct {
	Version      string
	Installation string // a random id, not a name

	Exporter sdk.SpanExporter // for tests; nil: as the environment says
}

// Open returns the tracer that the environment asks for, or nil if it asks for none.
func Open(ctx context.Context, c Config) (*Tracer, error) {
	if c.Exporter == nil {
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" {
			return nil, nil
		}
		var err error
		if c.Exporter, err = otlptracehttp.New(ctx); err != nil {
			return nil, errors.New("cannot prepare to send traces: look at the OTEL_EXPORTER_OTLP_* variables") // without their values, which may hold a key
		}
	}
	about := resource.NewSchemaless(attribute.String("service.name", "rekey"), attribute.String("service.version", c.Version), attribute.String("service.instance.id", c.Installation))
	p := sdk.NewTracerProvider(sdk.WithBatcher(c.Exporter), sdk.WithResource(about))
	return &Tracer{provider: p, tracer: p.Tracer("rekey.example/rekey")}, nil
}

// Close sends what is left.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// form is what an attribute's value has to look like.
type form struct{ *regexp.Regexp }

var (
	word    = form{regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)}
	id      = form{regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)}
	pattern = form{regexp.MustCompile(`^/[A-Za-z0-9/{}._$-]{0,127}$`)}
	host    = form{regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,127}$`)}
	verb    = form{regexp.MustCompile(`^[A-Z]{3,7}$`)}
)

// allowed is every attribute with a text that may leave the process.
var allowed = map[attribute.Key]form{
	"rekey.rotation": id, "rekey.plan": word, "rekey.step": word, "rekey.outcome": word,
	"http.request.method": verb, "http.route": pattern, "url.template": pattern, "server.address": host, "error.type": word,
}

// fit keeps what may leave the process.
func fit(list []attribute.KeyValue) []attribute.KeyValue {
	kept := list[:0]
	for _, a := range list {
		if a.Key == "http.response.status_code" && a.Value.Type() == attribute.INT64 {
			kept = append(kept, a)
			continue
		}
		if f, ok := allowed[a.Key]; ok && a.Value.Type() == attribute.STRING && f.MatchString(a.Value.AsString()) {
			kept = append(kept, a)
		}
	}
	return kept
}

// Step notes a step of a rotation that is over, in the trace of that rotation.
func (t *Tracer) Step(rotation, plan, step, outcome string, began, ended time.Time) {
	if t == nil || began.IsZero() || ended.Before(began) {
		return
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), of(rotation))
	_, span := t.tracer.Start(ctx, "rotation "+plan+" "+step, trace.WithTimestamp(began), trace.WithAttributes(fit([]attribute.KeyValue{
		attribute.String("rekey.rotation", rotation), attribute.String("rekey.plan", plan), attribute.String("rekey.step", step), attribute.String("rekey.outcome", outcome),
	})...))
	span.End(trace.WithTimestamp(ended))
}

// of is the span that all steps of a rotation belong to.
func of(rotation string) trace.SpanContext {
	sum := sha256.Sum256([]byte("rekey rotation " + rotation))
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(sum[:16]), SpanID: trace.SpanID(sum[16:24]), TraceFlags: trace.FlagsSampled, Remote: true})
}

// Handler makes a span of each request that next answers. Its name is the route's
// pattern, which is known afterwards.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		r = r.WithContext(ctx)
		next.ServeHTTP(seen, r)
		_, route, _ := cutPattern(r.Pattern)
		span.SetName(r.Method + " " + route)
		span.SetAttributes(fit([]attribute.KeyValue{
			attribute.String("http.request.method", r.Method), attribute.String("http.route", route), attribute.Int("http.response.status_code", seen.code),
		})...)
		if seen.code >= 500 {
			span.SetStatus(codes.Error, "")
		}
	})
}

// Transport makes a span of each request to a cloud: where to and how it ended,
// not what for. The trace is not passed on: it is nobody's business there.
func (t *Tracer) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &outward{t, next}
}

type outward struct {
	t    *Tracer
	next http.RoundTripper
}

func (o *outward) RoundTrip(r *http.Request) (*http.Response, error) {
	_, span := o.t.tracer.Start(r.Context(), r.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(fit([]attribute.KeyValue{
		attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Hostname()),
	})...))
	defer span.End()
	response, err := o.next.RoundTrip(r)
	if err != nil {
		span.SetAttributes(attribute.String("error.type", "transport")) // its text may hold an address with its query
		span.SetStatus(codes.Error, "")
		return response, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	return response, nil
}
