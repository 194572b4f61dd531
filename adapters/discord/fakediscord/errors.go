package fakediscord

import (
	"fmt"
	"net/http"
)

// apiError is an answer that is not a success.
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
type apiError struct {
	Status  int            `json:"-"`
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Errors  map[string]any `json:"errors,omitempty"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("HTTP %d, code %d: %s %v", e.Status, e.Code, e.Message, e.Errors)
}

// apiErrors holds the documented codes that the server answers with, or that a
// test may ask for with Code.
func apiErrors(code int) *apiError {
	status, message := http.StatusBadRequest, "Unknown error"
	switch code {
	case 0:
		status, message = 404, "404: Not Found"
	case 10003:
		status, message = 404, "Unknown Channel"
	case 10004:
		status, message = 404, "Unknown Guild"
	case 10007:
		status, message = 404, "Unknown Member"
	case 10008:
		status, message = 404, "Unknown Message"
	case 10013:
		status, message = 404, "Unknown User"
	case 10015:
		status, message = 404, "Unknown Webhook"
	case 10062:
		status, message = 404, "Unknown interaction"
	case 10063:
		status, message = 404, "Unknown application command"
	case 30034:
		message = "Maximum number of daily application command creates has been reached (200)"
	case 40001:
		status, message = 401, "Unauthorized. Provide a valid token and try again"
	case 40003:
		status, message = 403, "You are opening direct messages too fast"
	case 40060:
		message = "Interaction has already been acknowledged."
	case 50001:
		status, message = 403, "Missing Access"
	case 50005:
		status, message = 403, "Cannot edit a message authored by another user"
	case 50006:
		message = "Cannot send an empty message"
	case 50007:
		status, message = 403, "Cannot send messages to this user"
	case 50013:
		status, message = 403, "You lack permissions to perform that action"
	case 50024:
		message = "Cannot execute action on this channel type"
	case 50027:
		status, message = 401, "Invalid webhook token provided"
	case 50033:
		message = "Invalid recipient(s)"
	case 50083:
		message = "Tried to perform an operation on an archived thread"
	case 50109:
		message = "The request body contains invalid JSON."
	case 50278:
		status, message = 403, "Cannot send messages to this user due to having no mutual guilds"
	case 160002:
		message = "Cannot reply without permission to read message history"
	}
	return &apiError{Status: status, Code: code, Message: message}
}

// invalidForm is the answer to a body that breaks a rule, naming the field.
// https://discord.com/developers/docs/reference#error-messages
func invalidForm(field, code, message string, args ...any) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: 50035, Message: "Invalid Form Body", Errors: map[string]any{
		field: map[string]any{"_errors": []any{map[string]any{"code": code, "message": fmt.Sprintf(message, args...)}}},
	}}
}

// tooLong is invalidForm for what has more than max characters.
func tooLong(field string, max int) *apiError {
	return invalidForm(field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", max)
}
