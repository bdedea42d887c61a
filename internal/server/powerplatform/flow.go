package powerplatform

import "maps"

const schema = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"

// The workflow proposes the renewal of what comes near its end, asks a person,
// waits for the decision and tells how it ended. The person decides on rekey's
// page, signed in as themselves: an answer to a mail says nothing about who gave it.

// call is one call of a connector's operation, in the form of Power Automate.
func call(connection, operationID string, parameters node) node {
	return node{"type": "OpenApiConnection", "inputs": node{
		"host":       node{"connectionName": connection, "operationId": operationID, "apiId": "/providers/Microsoft.PowerApps/apis/" + connection},
		"parameters": parameters, "authentication": "@parameters('$authentication')",
	}}
}

// request is the same in the form of Logic Apps.
func request(connection, method, path string, queries, body node) node {
	inputs := node{
		"host":   node{"connection": node{"name": "@parameters('$connections')['" + connection + "']['connectionId']"}},
		"method": method, "path": path,
	}
	if queries != nil {
		inputs["queries"] = queries
	}
	if body != nil {
		inputs["body"] = body
	}
	return node{"type": "ApiConnection", "inputs": inputs}
}

func after(action node, names ...string) node {
	last := node{}
	for _, n := range names {
		last[n] = []string{"Succeeded"}
	}
	action = maps.Clone(action)
	action["runAfter"] = last
	return action
}

const (
	subject  = "Please decide: @{triggerBody()?['application']?['name']} ends @{triggerBody()?['expires']}"
	question = "<p>The credential <b>@{triggerBody()?['label']}</b> of <b>@{triggerBody()?['application']?['name']}</b> ends on @{triggerBody()?['expires']}. " +
		"What breaks: @{join(body('What_breaks'), ', ')}.</p>" +
		"<p>A renewal is proposed. <a href=\"@{concat(parameters('rekey address'), '/rotations/', body('Propose_a_rotation')?['id'])}\">Look at the plan and decide</a>. " +
		"Whoever proposed it cannot approve it.</p>"
	told1 = "@{triggerBody()?['application']?['name']}: @{body('Wait_for_a_decision')?['outcome']}"
	told2 = "<p>@{body('Wait_for_a_decision')?['by']} has decided: <b>@{body('Wait_for_a_decision')?['outcome']}</b> @{body('Wait_for_a_decision')?['reason']}</p>" +
		"<p>It now is: @{body('Get_the_status')?['current']} @{body('Get_the_status')?['problem']}</p>"
	decided = "@equals(body('Wait_for_a_decision')?['decided'], true)"
	ended   = "@not(equals(body('Get_the_status')?['state'], 'open'))"
)

// steps are the actions of the workflow, given how its five calls are written.
func steps(propose, ask, wait, status, tell node) node {
	return node{
		"What_breaks":        after(node{"type": "Select", "inputs": node{"from": "@coalesce(triggerBody()?['consumers'], json('[]'))", "select": "@item()?['consumer']"}}),
		"Propose_a_rotation": after(propose, "What_breaks"),
		"Ask_a_person":       after(ask, "Propose_a_rotation"),
		"Until_decided": after(node{
			"type": "Until", "expression": decided, "limit": node{"count": 5000, "timeout": "P14D"},
			"actions": node{
				"Wait_for_a_decision": after(wait),
				"Pause":               after(node{"type": "Wait", "inputs": node{"interval": node{"count": 5, "unit": "Minute"}}}, "Wait_for_a_decision"),
			},
		}, "Ask_a_person"),
		"If_approved": after(node{
			"type": "If", "expression": node{"equals": []any{"@body('Wait_for_a_decision')?['outcome']", "approved"}},
			"actions": node{"Until_ended": after(node{
				"type": "Until", "expression": ended, "limit": node{"count": 1000, "timeout": "P14D"},
				"actions": node{
					"Pause_before_looking": after(node{"type": "Wait", "inputs": node{"interval": node{"count": 1, "unit": "Hour"}}}),
					"Get_the_status":       after(status, "Pause_before_looking"),
				},
			})},
			"else": node{"actions": node{}},
		}, "Until_decided"),
		"Tell_how_it_ended": after(tell, "If_approved"),
	}
}

// flow is the definition for Power Automate.
func flow() any {
	mail := func(about, body string) node {
		return call("shared_office365", "SendEmailV2", node{"emailMessage/To": "@parameters('ask')", "emailMessage/Subject": about, "emailMessage/Body": body})
	}
	trigger := call("shared_rekey", "ListEnding", node{"within": "30d"})
	trigger["recurrence"], trigger["splitOn"] = node{"frequency": "Hour", "interval": 1}, "@triggerOutputs()?['body/value']"
	return node{
		"$schema": schema, "contentVersion": "1.0.0.0",
		"parameters": node{
			"$connections": node{"defaultValue": node{}, "type": "Object"}, "$authentication": node{"defaultValue": node{}, "type": "SecureObject"},
			"ask":           node{"defaultValue": "", "type": "String", "metadata": node{"description": "Mail address of whoever decides"}},
			"rekey address": node{"defaultValue": "", "type": "String", "metadata": node{"description": "https:// and the name of the server"}},
		},
		"triggers": node{"When_a_credential_is_about_to_end": trigger},
		"actions": steps(
			call("shared_rekey", "ProposeRotation", node{"body/credential": "@triggerBody()?['keyId']", "body/reason": "ends soon"}),
			mail(subject, question),
			call("shared_rekey", "AwaitDecision", node{"id": "@body('Propose_a_rotation')?['id']", "wait": 30}),
			call("shared_rekey", "GetRotation", node{"id": "@body('Propose_a_rotation')?['id']"}),
			mail(told1, told2)),
	}
}

// workflow is the definition for Logic Apps.
func workflow(c Config) any {
	const proposed = "@{encodeURIComponent(body('Propose_a_rotation')?['id'])}"
	mail := func(about, body string) node {
		return request("office365", "post", "/v2/Mail", nil, node{"To": "@parameters('ask')", "Subject": about, "Body": body})
	}
	trigger := request("rekey", "get", "/v1/ending", node{"within": "30d"}, nil)
	trigger["recurrence"], trigger["splitOn"] = node{"frequency": "Hour", "interval": 1}, "@triggerBody()?['value']"
	return node{"definition": node{
		"$schema": schema, "contentVersion": "1.0.0.0",
		"parameters": node{
			"$connections":  node{"defaultValue": node{}, "type": "Object"},
			"ask":           node{"defaultValue": "", "type": "String"},
			"rekey address": node{"defaultValue": "https://" + c.Host, "type": "String"},
		},
		"triggers": node{"When_a_credential_is_about_to_end": trigger},
		"actions": steps(
			request("rekey", "post", "/v1/rotations", nil, node{"credential": "@triggerBody()?['keyId']", "reason": "ends soon"}),
			mail(subject, question),
			request("rekey", "get", "/v1/rotations/"+proposed+"/decision", node{"wait": 30}, nil),
			request("rekey", "get", "/v1/rotations/"+proposed, nil, nil),
			mail(told1, told2)),
		"outputs": node{},
	}}
}
