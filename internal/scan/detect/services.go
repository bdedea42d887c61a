package detect

// chat are messengers, mail and telephony.
var chat = []Detector{
	edge(EdgeDash, certain(token("slack-bot-token", "Slack bot token", "Slack", "xoxb-", `xoxb-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{20,34}`, "xoxb-{d12}-{d12}-{a24}"))),
	edge(EdgeDash, certain(token("slack-user-token", "Slack user token", "Slack", "xoxp-", `xoxp-(?:[0-9]{10,13}-){3}[A-Za-z0-9]{28,34}`, "xoxp-{d12}-{d12}-{d12}-{h32}"))),
	edge(EdgeDash, certain(token("slack-enterprise-token", "Slack enterprise token", "Slack", "xoxe-", `xoxe-[0-9]-[A-Za-z0-9]{140,150}`, "xoxe-1-{a146}"))),
	wide(300, edge(EdgeDash, certain(token("slack-config-token", "Slack configuration token", "Slack", "xoxe.xox", `xoxe\.xox[bp]-[0-9]-[A-Za-z0-9]{160,170}`, "xoxe.xoxp-1-{a166}")))),
	edge(EdgeDash, certain(token("slack-legacy-token", "Slack legacy token", "Slack", "xoxs-", `xoxs-[0-9]{8,13}-[0-9]{8,13}-[0-9]{8,13}-[a-f0-9]{10,64}`, "xoxs-{d10}-{d10}-{d10}-{h32}"))),
	edge(EdgeDash, certain(token("slack-workspace-token", "Slack workspace token", "Slack", "xoxa-", `xoxa-(?:[0-9]-)?[A-Za-z0-9-]{20,100}`, "xoxa-2-{a40}"))),
	edge(EdgeDash, certain(token("slack-refresh-token", "Slack refresh token", "Slack", "xoxr-", `xoxr-(?:[0-9]-)?[A-Za-z0-9-]{20,100}`, "xoxr-2-{a40}"))),
	edge(EdgeDash, certain(token("slack-app-token", "Slack app token", "Slack", "xapp-", `xapp-[0-9]-[A-Z0-9]{9,13}-[0-9]{10,13}-[a-z0-9]{60,70}`, "xapp-1-{u11}-{d13}-{h64}"))),
	{ID: "slack-webhook", Name: "Slack incoming webhook", Issuer: "Slack", Class: Certain, Anchors: []string{"hooks.slack.com/"}, Edge: EdgeDash, Pattern: `hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{35,70})`, Yes: []string{"https://hooks." + "slack.com/services/T{u10}/B{u10}/{a24}"}, No: []string{"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", "https://hooks.slack.com/services/..."}},
	beside("slack-signing-secret", "Slack signing secret", "Slack", "slack", "h", 32, 32),
	{ID: "discord-webhook", Name: "Discord webhook", Issuer: "Discord", Class: Certain, Anchors: []string{"discord.com/api/webhooks/", "discordapp.com/api/webhooks/"}, Edge: EdgeDash, Pattern: `discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/([\w-]{60,72})`, Yes: []string{"https://discord.com/api/webhooks/{d18}/{a68}"}, No: []string{"https://discord.com/api/webhooks/{d18}/xxx"}},
	beside("discord-bot-token", "Discord bot token", "Discord", "discord", "x", 59, 80),
	beside("discord-client-secret", "Discord client secret", "Discord", "discord", "w", 32, 32),
	{ID: "telegram-bot-token", Name: "Telegram bot token", Issuer: "Telegram", Class: Certain, Anchors: []string{":AA"}, Find: findTelegram, Yes: []string{"{d10}:AA{a33}", "https://api.telegram.org/bot{d10}:AA{a33}/getMe"}, No: []string{"{d3}:AA{a33}", "12:AA"}},
	next("h", certain(token("twilio-api-key", "Twilio API key", "Twilio", "SK", `SK[0-9a-f]{32}`, "SK{h32}"))),
	beside("twilio-auth-token", "Twilio auth token", "Twilio", "twilio", "h", 32, 32),
	edge(EdgeDash, certain(token("sendgrid-key", "SendGrid API key", "SendGrid", "SG.", `SG\.[\w-]{22}\.[\w-]{43}`, "SG.{a22}.{a43}"))),
	edge(EdgeDash, certain(token("brevo-key", "Brevo (Sendinblue) API key", "Brevo", "xkeysib-", `xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}`, "xkeysib-{h64}-{a16}"))),
	edge(EdgeDash, certain(token("brevo-smtp-key", "Brevo SMTP key", "Brevo", "xsmtpsib-", `xsmtpsib-[a-f0-9]{64}-[A-Za-z0-9]{16}`, "xsmtpsib-{h64}-{a16}"))),
	edge(EdgeDash, token("mailgun-key", "Mailgun key", "Mailgun", "key-", `key-[a-f0-9]{32}`, "key-{h32}")),
	certain(back(32, token("mailchimp-key", "Mailchimp API key", "Mailchimp", "-us", `[0-9a-f]{32}-us[0-9]{1,2}`, "{h32}-us12"))),
	certain(token("mandrill-key", "Mandrill API key", "Mandrill", "md-", `md-[A-Za-z0-9_-]{22}`, "md-{a22}")),
	beside("postmark-token", "Postmark server token", "Postmark", "postmark", "g", 36, 36),
	beside("sparkpost-key", "SparkPost API key", "SparkPost", "sparkpost", "h", 40, 40),
	certain(token("resend-key", "Resend API key", "Resend", "re_", `re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}`, "re_{a8}_{a24}")),
	certain(token("mailersend-token", "MailerSend token", "MailerSend", "mlsn.", `mlsn\.[a-f0-9]{64}`, "mlsn.{h64}")),
	certain(token("zoho-token", "Zoho token", "Zoho", "1000.", `1000\.[a-f0-9]{32}\.[a-f0-9]{32}`, "1000.{h32}.{h32}")),
	beside("messagebird-key", "MessageBird key", "MessageBird", "messagebird", "a", 25, 25),
	beside("vonage-secret", "Vonage (Nexmo) secret", "Vonage", "nexmo vonage", "a", 16, 16),
	beside("plivo-token", "Plivo auth token", "Plivo", "plivo", "w", 40, 40),
	beside("mattermost-token", "Mattermost token", "Mattermost", "mattermost", "l", 26, 26),
	certain(token("courier-key", "Courier key", "Courier", "pk_prod_", `pk_prod_[A-Z0-9]{28}`, "pk_prod_{u28}")),
	beside("pushover-token", "Pushover token", "Pushover", "pushover", "l", 30, 30),
	certain(token("intercom-token", "Intercom token", "Intercom", "dG9rO", `dG9rO[A-Za-z0-9+/]{50,60}=`, "dG9rO{b54}=")),
	beside("zoom-secret", "Zoom secret", "Zoom", "zoom", "a", 32, 40),
	beside("gitter-token", "Gitter token", "Gitter", "gitter", "w", 40, 40),
	beside("twitch-token", "Twitch token", "Twitch", "twitch", "l", 30, 30),
	beside("twitter-secret", "Twitter secret", "X", "twitter", "a", 40, 50),
	unmeasured(certain(token("twitter-bearer", "Twitter bearer token", "X", "AAAAAAAAAAAAAAAAAAAAA", `A{21}[A-Za-z0-9%]{60,120}`, "AAAAAAAAAAAAAAAAAAAAA{a80}"))),
	wide(300, token("facebook-token", "Facebook access token", "Meta", "EAA", `EAA[MC][A-Za-z0-9]{90,250}`, "EAAC{a120}")),
	beside("facebook-secret", "Facebook app secret", "Meta", "facebook fb_", "h", 32, 32),
	beside("linkedin-secret", "LinkedIn client secret", "LinkedIn", "linkedin", "a", 16, 16),
	certain(token("instagram-token", "Instagram token", "Meta", "IGQV", `IGQV[\w-]{60,250}`, "IGQV{a120}")),
}

func findTelegram(in *Input, at int) (Match, bool) {
	start := at
	for start > 0 && at-start < 11 && classOf[in.Data[start-1]]&digit != 0 {
		start--
	}
	end := at + 1
	for end < len(in.Data) && end-at < 40 && classOf[in.Data[end]]&(word|dash) != 0 {
		end++
	}
	if n := at - start; n < 8 || n > 10 || end-at != 36 || !in.Text {
		return Match{}, false
	}
	v := in.Data[start:end]
	return Match{Start: start, End: end, Class: Certain}, Entropy(v) > 3.5 && !Placeholder(v[at-start:])
}

// payment are shops, banks and their services.
var payment = []Detector{
	certain(wide(300, token("stripe-live-key", "Stripe live secret key", "Stripe", "sk_live_", `sk_live_[A-Za-z0-9]{20,120}`, "sk_live_{a24}", "sk_live_{a99}"))),
	wide(300, token("stripe-test-key", "Stripe test secret key", "Stripe", "sk_test_", `sk_test_[A-Za-z0-9]{20,120}`, "sk_test_{a24}")),
	certain(wide(300, also(token("stripe-restricted-key", "Stripe restricted key", "Stripe", "rk_live_", `rk_(?:live|test|prod)_[A-Za-z0-9]{20,120}`, "rk_live_{a24}"), "rk_test_", "rk_prod_"))),
	certain(token("stripe-webhook-secret", "Stripe webhook secret", "Stripe", "whsec_", `whsec_[A-Za-z0-9+/]{32,64}`, "whsec_{a32}")),
	edge(EdgeDash, certain(token("square-access-token", "Square access token", "Square", "EAAAE", `EAAAE[\w-]{59}`, "EAAAE{a59}"))),
	edge(EdgeDash, certain(token("square-app-secret", "Square application secret", "Square", "sq0csp-", `sq0csp-[\w-]{43}`, "sq0csp-{a43}"))),
	edge(EdgeDash, certain(token("square-token-old", "Square access token (old)", "Square", "sq0atp-", `sq0atp-[\w-]{22}`, "sq0atp-{a22}"))),
	certain(token("paypal-braintree-token", "Braintree access token", "PayPal", "access_token$production$", `access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}`, "access_token$production${l16}${h32}")),
	beside("paypal-secret", "PayPal secret", "PayPal", "paypal", "w", 60, 90),
	beside("braintree-key", "Braintree private key", "PayPal", "braintree", "h", 32, 32),
	beside("adyen-key", "Adyen API key", "Adyen", "adyen", "x", 60, 220),
	certain(token("adyen-key-marked", "Adyen API key", "Adyen", "AQE", `AQE[A-Za-z0-9]{5}[A-Za-z0-9+/=]{60,140}-[A-Za-z0-9+/=]{20,60}-[^\s"']{10,24}`, "AQEx{a88}-{a43}=-{a16}")),
	certain(token("mollie-key", "Mollie live key", "Mollie", "live_", `live_[A-Za-z0-9]{30}`, "live_{a30}")),
	certain(token("razorpay-key", "Razorpay key", "Razorpay", "rzp_live_", `rzp_live_[A-Za-z0-9]{14}`, "rzp_live_{a14}")),
	edge(EdgeDash, certain(token("flutterwave-key", "Flutterwave secret key", "Flutterwave", "FLWSECK", `FLWSECK(?:_TEST)?-[a-h0-9]{32}-X`, "FLWSECK-{h32}-X"))),
	beside("paystack-key", "Paystack key", "Paystack", "paystack", "x", 40, 60),
	certain(token("plaid-token", "Plaid access token", "Plaid", "access-", `access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "access-production-{guid}")),
	beside("plaid-secret", "Plaid secret", "Plaid", "plaid", "h", 30, 30),
	certain(token("shopify-access-token", "Shopify access token", "Shopify", "shpat_", `shpat_[a-fA-F0-9]{32}`, "shpat_{h32}")),
	certain(token("shopify-custom-token", "Shopify custom app token", "Shopify", "shpca_", `shpca_[a-fA-F0-9]{32}`, "shpca_{h32}")),
	certain(token("shopify-private-token", "Shopify private app password", "Shopify", "shppa_", `shppa_[a-fA-F0-9]{32}`, "shppa_{h32}")),
	certain(token("shopify-secret", "Shopify shared secret", "Shopify", "shpss_", `shpss_[a-fA-F0-9]{32}`, "shpss_{h32}")),
	certain(token("gocardless-token", "GoCardless token", "GoCardless", "live_", `live_[\w-]{40}`, "live_{a40}")),
	certain(token("duffel-token", "Duffel token", "Duffel", "duffel_", `duffel_(?:test|live)_[\w-]{43}`, "duffel_live_{a43}")),
	certain(token("easypost-key", "EasyPost key", "EasyPost", "EZAK", `EZAK[a-z0-9]{54}`, "EZAK{l54}")),
	certain(token("easypost-test-key", "EasyPost test key", "EasyPost", "EZTK", `EZTK[a-z0-9]{54}`, "EZTK{l54}")),
	certain(token("shippo-token", "Shippo token", "Shippo", "shippo_live_", `shippo_live_[a-f0-9]{40}`, "shippo_live_{h40}")),
	beside("coinbase-token", "Coinbase token", "Coinbase", "coinbase", "w", 64, 64),
	beside("kraken-secret", "Kraken secret", "Kraken", "kraken", "b", 80, 92),
	beside("kucoin-secret", "KuCoin secret", "KuCoin", "kucoin", "g", 36, 36),
	beside("kucoin-key", "KuCoin key", "KuCoin", "kucoin", "h", 24, 24),
	beside("binance-secret", "Binance secret", "Binance", "binance", "a", 64, 64),
	beside("bittrex-key", "Bittrex key", "Bittrex", "bittrex", "l", 32, 32),
	beside("finicity-token", "Finicity token", "Finicity", "finicity", "h", 32, 32),
	beside("finnhub-token", "Finnhub token", "Finnhub", "finnhub", "l", 20, 20),
	beside("klarna-secret", "Klarna key", "Klarna", "klarna", "x", 32, 80),
	certain(token("checkout-key", "Checkout.com secret key", "Checkout.com", "sk_", `sk_(?:sbox_)?[a-z0-9]{26}[a-z0-9*#$=]`, "sk_{l26}7")),
	certain(token("polar-token", "Polar token", "Polar", "polar_oat_", `polar_oat_[A-Za-z0-9]{30,60}`, "polar_oat_{a43}")),
}

// ai are the keys of language models and their like.
var ai = []Detector{
	{ID: "openai-key", Name: "OpenAI API key", Issuer: "OpenAI", Class: Certain, Anchors: []string{"T3BlbkFJ"}, Find: findOpenAI, Yes: []string{"sk-{a20}T3BlbkFJ{a20}", "sk-proj-{a74}T3BlbkFJ{a74}", "sk-svcacct-{a74}T3BlbkFJ{a74}"}, No: []string{"T3BlbkFJ", "sk-{a3}T3BlbkFJ{a3}"}},
	wide(200, edge(EdgeDash, certain(token("anthropic-key", "Anthropic API key", "Anthropic", "sk-ant-api", `sk-ant-api[0-9]{2}-[\w-]{93}AA`, "sk-ant-api03-{a93}AA")))),
	wide(200, edge(EdgeDash, certain(token("anthropic-admin-key", "Anthropic admin key", "Anthropic", "sk-ant-admin", `sk-ant-admin[0-9]{2}-[\w-]{93}AA`, "sk-ant-admin01-{a93}AA")))),
	wide(200, edge(EdgeDash, certain(token("anthropic-oauth", "Anthropic OAuth token", "Anthropic", "sk-ant-oat", `sk-ant-oat[0-9]{2}-[\w-]{60,110}`, "sk-ant-oat01-{a93}AA")))),
	certain(token("huggingface-token", "Hugging Face token", "Hugging Face", "hf_", `hf_[A-Za-z]{34}`, "hf_{s34}")),
	certain(token("huggingface-org-token", "Hugging Face organisation token", "Hugging Face", "api_org_", `api_org_[A-Za-z]{34}`, "api_org_{s34}")),
	certain(token("replicate-token", "Replicate token", "Replicate", "r8_", `r8_[A-Za-z0-9]{37}`, "r8_{a37}")),
	certain(token("groq-key", "Groq key", "Groq", "gsk_", `gsk_[A-Za-z0-9]{52}`, "gsk_{a52}")),
	edge(EdgeDash, certain(token("perplexity-key", "Perplexity key", "Perplexity", "pplx-", `pplx-[A-Za-z0-9]{48}`, "pplx-{a48}"))),
	edge(EdgeDash, certain(token("xai-key", "xAI key", "xAI", "xai-", `xai-[A-Za-z0-9_-]{80}`, "xai-{a80}"))),
	edge(EdgeDash, certain(token("openrouter-key", "OpenRouter key", "OpenRouter", "sk-or-v1-", `sk-or-v1-[a-f0-9]{64}`, "sk-or-v1-{h64}"))),
	edge(EdgeDash, token("deepseek-key", "Key of DeepSeek and compatible services", "DeepSeek", "sk-", `sk-[a-f0-9]{32}`, "sk-{h32}")),
	certain(token("nvidia-key", "NVIDIA API key", "NVIDIA", "nvapi-", `nvapi-[\w-]{60,72}`, "nvapi-{a64}")),
	certain(token("fireworks-key", "Fireworks key", "Fireworks AI", "fw_", `fw_[A-Za-z0-9]{22,24}`, "fw_{a24}")),
	certain(token("tavily-key", "Tavily key", "Tavily", "tvly-", `tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}`, "tvly-{a32}")),
	certain(token("langsmith-key", "LangSmith key", "LangChain", "lsv2_", `lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}`, "lsv2_pt_{h32}_{h10}")),
	edge(EdgeDash, certain(token("langfuse-key", "Langfuse secret key", "Langfuse", "sk-lf-", `sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "sk-lf-{guid}"))),
	certain(token("pinecone-key", "Pinecone key", "Pinecone", "pcsk_", `pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{50,70}`, "pcsk_{a5}_{a63}")),
	certain(token("elevenlabs-key", "ElevenLabs key", "ElevenLabs", "sk_", `sk_[a-f0-9]{48}`, "sk_{h48}")),
	beside("cohere-key", "Cohere key", "Cohere", "cohere", "a", 40, 40),
	beside("mistral-key", "Mistral key", "Mistral AI", "mistral", "a", 32, 32),
	beside("stability-key", "Stability key", "Stability AI", "stability", "x", 48, 52),
	beside("assemblyai-key", "AssemblyAI key", "AssemblyAI", "assemblyai assembly_ai", "h", 32, 32),
	beside("deepgram-key", "Deepgram key", "Deepgram", "deepgram", "h", 40, 40),
	beside("deepl-key", "DeepL key", "DeepL", "deepl", "x", 36, 40),
	beside("weaviate-key", "Weaviate or Qdrant key", "Weaviate", "weaviate qdrant", "x", 32, 64),
	beside("wandb-key", "Weights & Biases key", "Weights & Biases", "wandb", "h", 40, 40),
	certain(token("e2b-key", "E2B key", "E2B", "e2b_", `e2b_[a-f0-9]{40}`, "e2b_{h40}")),
	certain(token("apify-token", "Apify token", "Apify", "apify_api_", `apify_api_[A-Za-z0-9]{34,40}`, "apify_api_{a36}")),
	beside("together-key", "Together AI key", "Together AI", "together_api togetherai together_ai", "h", 64, 64),
	certain(token("firecrawl-key", "Firecrawl key", "Firecrawl", "fc-", `fc-[a-f0-9]{32}`, "fc-{h32}")),
	certain(token("cerebras-key", "Cerebras key", "Cerebras", "csk-", `csk-[a-z0-9]{48}`, "csk-{l48}")),
}

// findOpenAI reads around the mark that stands in the middle of every key.
func findOpenAI(in *Input, at int) (Match, bool) {
	start, end := at, at+8
	for start > 0 && at-start < 180 && classOf[in.Data[start-1]]&(word|dash) != 0 {
		start--
	}
	for end < len(in.Data) && end-at < 180 && classOf[in.Data[end]]&(word|dash) != 0 {
		end++
	}
	for start+3 <= at && string(in.Data[start:start+3]) != "sk-" {
		start++
	}
	if at-start < 20 || end-at < 25 {
		return Match{}, false
	}
	v := in.Data[start:end]
	return Match{Start: start, End: end, Class: Certain}, Entropy(v) > 3.5
}
